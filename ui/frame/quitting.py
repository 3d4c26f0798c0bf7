"""Leaving with jobs under way: finish them, stop now and go on later, or stay."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.figures import Figures
from ui.frame.fitting import fit_height
from ui.words import counted

WIDTH = 460


class QuitDialog(QDialog):
    """Asks once; use `open()`. Emits `finish` or `stop_now`; closing it means stay."""

    finish = Signal()
    stop_now = Signal()

    def __init__(self, figures: Figures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Quit JigDesk")
        jobs = counted(figures.active, "job")
        title = QLabel(f"{jobs} {'is' if figures.active == 1 else 'are'} under way", self)
        title.setProperty("scale", "large")
        # a paused queue never runs empty
        self._can_finish = figures.paused is None
        words = QLabel(_words(figures, can_finish=self._can_finish), self)
        words.setWordWrap(True)
        words.setProperty("tone", "muted")
        stay = QPushButton("Stay", self)
        stay.clicked.connect(self.reject)
        stop = QPushButton("Stop now", self)
        stop.clicked.connect(self.stop_now)
        stop.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(stay)
        buttons.addStretch(1)
        buttons.addWidget(stop)
        if self._can_finish:
            finish = QPushButton("Finish, then quit", self)
            finish.setProperty("role", "primary")
            finish.clicked.connect(self.finish)
            finish.clicked.connect(self.accept)
            finish.setDefault(True)
            buttons.addWidget(finish)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 20)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(words)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        fit_height(self, WIDTH)


def _words(figures: Figures, *, can_finish: bool) -> str:
    one = figures.active == 1
    they, them = ("it", "it") if one else ("they", "them")
    go, wait = ("goes", "waits") if one else ("go", "wait")
    stop = f"Stop now and {they} {go} on at the next start."
    if not can_finish:
        return f"The queue is paused, so {they} {wait}. {stop}"
    return f"Finish {them} first: nothing new is accepted until then. {stop}"
