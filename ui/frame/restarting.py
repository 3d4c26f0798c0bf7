"""Opening the core anew with jobs under way, or with settings that are not saved."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ui.frame.question import Answer, Asking
from ui.frame.quitting import unsaved_words
from ui.words import counted


class RestartDialog(Asking):
    """Emits `restart`; closing it leaves everything as it is.

    `active` jobs are under way; `unsaved` settings are changed.
    """

    restart = Signal()

    def __init__(self, active: int, unsaved: int = 0, *, parent: QWidget | None) -> None:
        one = active == 1
        them = "it" if unsaved == 1 else "them"
        lost = f"{unsaved_words(unsaved)}: the restart discards {them}."
        if active:
            title = f"{counted(active, 'job')} {'is' if one else 'are'} under way"
            words = (
                f"{'It stops' if one else 'They stop'} now and {'goes' if one else 'go'} on where "
                f"{'it was' if one else 'they were'} once the core is open again. What the engine "
                "is drawing at the moment may be drawn again from its stage's beginning."
            )
            words += f" {lost}" if unsaved else ""
        else:
            title = unsaved_words(unsaved)
            words = f"The restart discards {them} and begins with what is saved."
        role = "danger" if unsaved else "primary"
        verb = "Discard and restart" if unsaved else "Restart"
        super().__init__(title, words, "Not now", [Answer(verb, role)], parent)
        self.setWindowTitle("Restart JigDesk's core")
        self.answers[0].clicked.connect(self.restart)
