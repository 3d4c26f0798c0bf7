"""Opening the core anew with jobs under way: say how many, and that they go on."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.figures import Figures
from ui.frame.fitting import fit_height
from ui.frame.quitting import WIDTH
from ui.words import counted


class RestartDialog(QDialog):
    """Asks once; use `open()`. Emits `restart`; closing it leaves everything as it is."""

    restart = Signal()

    def __init__(self, figures: Figures, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Restart JigDesk's core")
        one = figures.active == 1
        title = QLabel(f"{counted(figures.active, 'job')} {'is' if one else 'are'} under way", self)
        title.setProperty("scale", "large")
        words = QLabel(
            f"{'It stops' if one else 'They stop'} now and {'goes' if one else 'go'} on where "
            f"{'it was' if one else 'they were'} once the core is open again. What the engine is "
            "drawing at the moment may be drawn again from its stage's beginning.",
            self,
        )
        words.setWordWrap(True)
        words.setProperty("tone", "muted")
        stay = QPushButton("Not now", self)
        stay.clicked.connect(self.reject)
        go = QPushButton("Restart", self)
        go.setProperty("role", "primary")
        go.setDefault(True)
        go.clicked.connect(self.restart)
        go.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(stay)
        buttons.addStretch(1)
        buttons.addWidget(go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 20)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(words)
        layout.addSpacing(4)
        layout.addLayout(buttons)
        fit_height(self, WIDTH)
