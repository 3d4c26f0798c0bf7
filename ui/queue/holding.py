"""The buttons that pause, drain and resume the queue."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSize
from PySide6.QtWidgets import QPushButton, QWidget

from ui.bridge import Bridge
from ui.figures import Figures
from ui.theme.theme import Theme

PAUSE_REASON = "The owner holds the queue."


class Holding(QObject):
    """Two buttons for a row of tools: `pause`, which resumes a queue that is held, and `drain`."""

    def __init__(self, bridge: Bridge, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._theme = theme
        self._is_held = False
        self.pause = QPushButton(parent)
        self.drain = QPushButton(parent)
        for button in (self.pause, self.drain):
            button.setFixedHeight(32)
            button.setIconSize(QSize(16, 16))
        self.pause.clicked.connect(self._pause_or_resume)
        self.drain.clicked.connect(self._drain)
        theme.changed.connect(self._draw)
        self._draw()

    def show_figures(self, figures: Figures) -> None:
        """Whether the queue is held now, by whatever way."""
        is_held = (figures.paused or figures.draining) is not None
        if is_held is not self._is_held:
            self._is_held = is_held
            self._draw()

    def _pause_or_resume(self) -> None:
        if self._is_held:
            self._bridge.call(lambda core: core.control.resume(), self._look)
        else:
            self._bridge.call(lambda core: core.control.pause(PAUSE_REASON), self._look)

    def _drain(self) -> None:
        self._bridge.call(lambda core: core.control.drain(), self._look)

    def _look(self, _: object) -> None:
        self._bridge.look_soon()
        self._bridge.check_health()

    def _draw(self) -> None:
        icons, held = self._theme.icons, self._is_held
        self.pause.setText(" Resume" if held else " Pause")
        self.pause.setIcon(icons.icon("resume" if held else "pause", "text", 16))
        self.pause.setToolTip(
            "Let jobs run and come in again" if held else "Accept jobs and let them wait"
        )
        self.drain.setText(" Drain")
        self.drain.setIcon(icons.icon("drain", "text", 16))
        self.drain.setToolTip("Accept nothing new and finish what is here")
        self.drain.setVisible(not held)
