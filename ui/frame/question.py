"""A question before something is ended: what it touches, and a verb for each answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.frame.fitting import fit_height

WIDTH = 460


@dataclass(frozen=True, slots=True)
class Answer:
    """A button's verb; `role` is primary, danger or none. A primary one is what Enter presses."""

    verb: str
    role: str = ""


class Asking(QDialog):
    """What all questions are: a title, what it means, a way to keep all as it is, and answers.

    Use `open()`. Escape and closing it keep things as they are, and so does Enter where no
    answer is primary. `answers` are the buttons, in the order in which they were given.
    """

    def __init__(
        self,
        title: str,
        words: str,
        keep: str,
        answers: Sequence[Answer],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("JigDesk")
        self._title = QLabel(title, self)
        self._title.setProperty("scale", "large")
        self._title.setWordWrap(True)
        self._words = QLabel(words, self)
        self._words.setProperty("tone", "muted")
        self._words.setWordWrap(True)
        self.keep = QPushButton(keep, self)
        self.keep.setDefault(True)
        self.keep.clicked.connect(self.reject)
        self.answers = [self._button(answer) for answer in answers]
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.keep)
        row.addStretch(1)
        for button in self.answers:
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(self._title)
        column.addWidget(self._words)
        column.addSpacing(4)
        column.addLayout(row)
        fit_height(self, WIDTH)
        first = next((button for button in self.answers if button.isDefault()), self.keep)
        first.setFocus()

    @property
    def title(self) -> str:
        """What is asked."""
        return self._title.text()

    @property
    def words(self) -> str:
        """What it means."""
        return self._words.text()

    def _button(self, answer: Answer) -> QPushButton:
        button = QPushButton(answer.verb, self)
        button.setProperty("role", answer.role)
        button.setAutoDefault(False)
        if answer.role == "primary":
            self.keep.setAutoDefault(False)
            button.setDefault(True)
        button.clicked.connect(self.accept)
        return button


class Question(Asking):
    """One answer, which cannot be taken back: `agreed`. Enter keeps things as they are."""

    agreed = Signal()

    def __init__(
        self, title: str, words: str, verb: str, keep: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(title, words, keep, [Answer(verb, "danger")], parent)
        self.yes = self.answers[0]
        self.yes.clicked.connect(self.agreed)
