"""The host page: the engine above, its log below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.figures import Figures
from ui.host.console import Console
from ui.host.engine_card import EngineCard
from ui.host.log_feed import LogFeed, LogLine
from ui.theme.theme import Theme

CARD_WIDTH = 460


class HostPage(QWidget):
    """The machine that this desk runs on."""

    def __init__(
        self, bridge: Bridge, theme: Theme, feed: LogFeed, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._feed = feed
        self.card = EngineCard(bridge, theme, self)
        self.card.setMinimumWidth(CARD_WIDTH)
        self.console = Console(theme, self)
        self.console.say_when_empty("The engine has printed nothing yet.")
        self._skipped = QLabel(self)
        self._skipped.setProperty("tone", "muted")
        self._skipped.setProperty("scale", "small")
        self._skipped.hide()
        title = QLabel("Engine log", self)
        title.setProperty("weight", "bold")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(title)
        head.addWidget(self._skipped)
        head.addStretch(1)
        self.top = QHBoxLayout()
        self.top.setSpacing(12)
        self.top.addWidget(self.card, 0, Qt.AlignmentFlag.AlignTop)
        self.top.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addLayout(self.top)
        column.addLayout(head)
        column.addWidget(self.console, 1)
        self.console.show_lines(list(feed.lines))
        feed.arrived.connect(self._came)
        bridge.figures.connect(self._figures_came)

    def _came(self, lines: list[LogLine]) -> None:
        self.console.add(lines)
        if self._feed.skipped:
            self._skipped.setText(
                f"{self._feed.skipped:,} lines came too fast to be shown: they are in engine.log"
            )
            self._skipped.show()

    def _figures_came(self, figures: Figures) -> None:
        if "status" not in figures.engine:
            self.console.say_when_empty(
                "This engine is run by somebody else: its log is where it runs."
            )
