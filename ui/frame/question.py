"""A question before something is ended: what it touches, and a verb for each answer."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.frame.fitting import fit_height

WIDTH = 400


class Question(QDialog):
    """Asks once; use `open()`. Emits `agreed`; Enter, Escape and closing it keep things as is."""

    agreed = Signal()

    def __init__(
        self, title: str, words: str, verb: str, keep: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("JigDesk")
        self._title = QLabel(title, self)
        self._title.setProperty("scale", "large")
        self._title.setWordWrap(True)
        self._explained = explained = QLabel(words, self)
        explained.setProperty("tone", "muted")
        explained.setWordWrap(True)
        self.yes = QPushButton(verb, self)
        self.yes.setProperty("role", "danger")
        self.yes.setAutoDefault(False)
        self.yes.clicked.connect(self.agreed)
        self.yes.clicked.connect(self.accept)
        self.keep = QPushButton(keep, self)
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        self.keep.setFocus()
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.yes)
        buttons.addWidget(self.keep)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(self._title)
        column.addWidget(explained)
        column.addSpacing(4)
        column.addLayout(buttons)
        fit_height(self, WIDTH)

    @property
    def title(self) -> str:
        """What is asked."""
        return self._title.text()

    @property
    def words(self) -> str:
        """What it means."""
        return self._explained.text()
