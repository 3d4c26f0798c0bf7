"""Asking once before jobs are ended, in the words that the queue asks with."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ui.frame.question import Question
from ui.words import counted


def cancel_question(number: int, parent: QWidget) -> Question:
    """The question for so many jobs; use `open()`."""
    many = counted(number, "job")
    words = "What runs is stopped. A cancelled job can be tried again."
    return Question(f"Cancel {many}?", words, f"Cancel {many}", "Keep", parent)
