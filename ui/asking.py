"""Asking once before a job loses something, in the words that the queue asks with."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ui.frame.question import Question
from ui.words import counted


def cancel_question(number: int, parent: QWidget) -> Question:
    """The question for so many jobs; use `open()`."""
    many = counted(number, "job")
    words = "What runs is stopped. A cancelled job can be tried again."
    return Question(f"Cancel {many}?", words, f"Cancel {many}", "Keep", parent)


def retry_question(parent: QWidget) -> Question:
    """The question for a completed job, whose results are lost; use `open()`."""
    words = "Its output.json is taken out of the store, until the new attempt has completed."
    return Question("Retry 1 job?", words, "Retry 1 job", "Keep as is", parent)
