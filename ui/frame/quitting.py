"""Leaving with jobs under way, or with settings that are not saved: one question for both."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ui.frame.question import Answer, Asking
from ui.words import counted


class QuitDialog(Asking):
    """Emits `finish` or `stop_now`, which is to leave at once; closing it means stay.

    `active` jobs are under way, and the queue `is_paused`; `unsaved` settings are changed.
    """

    finish = Signal()
    stop_now = Signal()

    def __init__(
        self, active: int, unsaved: int = 0, *, is_paused: bool = False, parent: QWidget | None
    ) -> None:
        self.has_jobs = active > 0
        if not self.has_jobs:
            title, words = unsaved_words(unsaved), f"Quitting discards {_them(unsaved)}."
            answers = [Answer("Discard changes", "danger")]
        else:
            title = f"{counted(active, 'job')} {'is' if active == 1 else 'are'} under way"
            words = _jobs_words(active, is_paused=is_paused)
            if unsaved:
                words += f" {unsaved_words(unsaved)}: quitting discards {_them(unsaved)}."
            # a paused queue never runs empty
            finish = [] if is_paused else [Answer("Finish, then quit", "primary")]
            answers = [Answer("Stop now"), *finish]
        super().__init__(title, words, "Stay", answers, parent)
        self.setWindowTitle("Quit JigDesk")
        self.answers[0].clicked.connect(self.stop_now)
        for button in self.answers[1:]:
            button.clicked.connect(self.finish)


def unsaved_words(number: int) -> str:
    """`3 changed settings are not saved`."""
    return f"{counted(number, 'changed setting')} {'is' if number == 1 else 'are'} not saved"


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _jobs_words(active: int, *, is_paused: bool) -> str:
    one = active == 1
    they, them = ("it", "it") if one else ("they", "them")
    go, wait = ("goes", "waits") if one else ("go", "wait")
    stop = f"Stop now and {they} {go} on at the next start."
    if is_paused:
        return f"The queue is paused, so {they} {wait}. {stop}"
    return f"Finish {them} first: nothing new is accepted until then. {stop}"
