"""Asking once before something is lost: in the same words, and one question at a time."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from ui.frame.question import Question
from ui.words import counted


class OneQuestion:
    """The question that is open, if one is; another is not asked before it is answered."""

    def __init__(self) -> None:
        self.open: Question | None = None
        """What is being asked now."""

    def ask(self, question: Question, then: Callable[[], object]) -> None:
        """Open it; `then` is called when its owner agrees. Dropped while another is open."""
        if self.open is not None:
            question.deleteLater()
            return
        question.agreed.connect(then)
        question.finished.connect(lambda _: self._answered())
        self.open = question
        question.open()

    def _answered(self) -> None:
        if self.open is not None:
            self.open.deleteLater()
        self.open = None


def cancel_question(number: int, parent: QWidget) -> Question:
    """Whether so many jobs are to be cancelled."""
    many = counted(number, "job")
    words = "What runs is stopped. A cancelled job can be tried again."
    return Question(f"Cancel {many}?", words, f"Cancel {many}", "Keep", parent)


def retry_question(number: int, completed: int | None, parent: QWidget) -> Question:
    """Whether so many jobs are to be tried again, which takes the results of completed ones.

    `completed` is how many of them are; None when that is not known of each.
    """
    many = counted(number, "job")
    words = _retry_words(number, completed)
    return Question(f"Retry {many}?", words, f"Retry {many}", "Keep as is", parent)


def _retry_words(number: int, completed: int | None) -> str:
    if completed == 0:
        return "Each of them gets a new attempt."
    lost = "output.json is taken out of the store, until the new attempt has completed."
    if number == 1:
        return f"Its {lost}" if completed else f"If it is completed, its {lost}"
    if completed is None:
        return f"Each of them gets a new attempt. Of those that are completed, {lost}"
    are = "is" if completed == 1 else "are"
    return f"Each of them gets a new attempt. {completed:,} {are} completed: of these, {lost}"
