"""What the owner can do with jobs: one list for the menu, the keys and the bar."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QWidget

from jigdesk.app import Core
from jigdesk.domain.errors import JigDeskError
from ui.asking import OneQuestion, cancel_question, retry_question
from ui.bridge import Bridge
from ui.frame.question import Question
from ui.frame.toasts import Toasts
from ui.words import counted

MOST_AT_ONCE = 10_000
_SAID = 1


class JobActions(QObject):
    """Runs commands over many jobs on the core's loop and says once how it went."""

    done = Signal()

    def __init__(self, core: Core, bridge: Bridge, toasts: Toasts, window: QWidget) -> None:
        super().__init__(window)
        self._jobs_dir = core.settings.paths.jobs_dir
        self._bridge = bridge
        self._toasts = toasts
        self._window = window
        self._asking = OneQuestion()

    @property
    def question(self) -> Question | None:
        """What is being asked now."""
        return self._asking.open

    def ask_retry(self, job_ids: Sequence[str], completed: int | None) -> None:
        """Try them again; asks before more than one, and before results are lost.

        `completed` is how many of them are; None when that is not known of each.
        """
        if len(job_ids) == 1 and completed == 0:
            self.retry(job_ids)
        elif job_ids:
            question = retry_question(len(job_ids), completed, self._window)
            self._asking.ask(question, lambda: self.retry(job_ids))

    def retry(self, job_ids: Sequence[str]) -> None:
        """A new attempt of each, without asking."""
        self._each(job_ids, lambda core, job_id: core.control.retry(job_id), "tried again")

    def prioritise(self, job_ids: Sequence[str]) -> None:
        """Move them to the top of the line, in the order in which they were selected."""
        backwards = tuple(reversed(job_ids))
        self._each(
            backwards, lambda core, job_id: core.control.prioritise(job_id), "moved to the top"
        )

    def ask_cancel(self, job_ids: Sequence[str]) -> None:
        """Ask once, with the number of jobs, then end them."""
        if job_ids:
            question = cancel_question(len(job_ids), self._window)
            self._asking.ask(question, lambda: self.cancel(job_ids))

    def cancel(self, job_ids: Sequence[str]) -> None:
        """End each, without asking."""
        self._each(job_ids, lambda core, job_id: core.control.cancel(job_id), "cancelled")

    def copy_ids(self, job_ids: Sequence[str]) -> None:
        """The whole ids, one a line."""
        QGuiApplication.clipboard().setText("\n".join(job_ids))
        self._toasts.note(f"Copied {counted(len(job_ids), 'job id')}")

    def open_folder(self, job_id: str) -> None:
        """The job's folder on this machine, in the system's file manager."""
        folder = self._jobs_dir / job_id
        if not folder.is_dir():
            self._toasts.fail(
                "This job has no folder on this machine: it was not begun yet, or was cleaned away."
            )
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))):
            self._toasts.fail(f"No file manager opened the folder. It is at {folder}")

    def _each(
        self,
        job_ids: Sequence[str],
        command: Callable[[Core, str], Coroutine[Any, Any, Any]],
        said: str,
    ) -> None:
        if not job_ids:
            return
        wanted = tuple(job_ids[:MOST_AT_ONCE])

        async def all_of_them(core: Core) -> tuple[int, list[str]]:
            refused = []
            for job_id in wanted:
                try:
                    await command(core, job_id)
                except JigDeskError as failure:
                    refused.append(failure.message)
            return len(wanted) - len(refused), refused

        def tell(outcome: tuple[int, list[str]]) -> None:
            number, refused = outcome
            if number > _SAID or (number and refused):
                self._toasts.note(f"{counted(number, 'job')} {said}")
            if refused:
                self._toasts.fail(_refused_words(refused))
            self._bridge.look_soon()
            self.done.emit()

        self._bridge.call(all_of_them, tell)


def _refused_words(refused: Sequence[str]) -> str:
    """The first refusal, and how many there were besides."""
    others = len(refused) - 1
    if not others:
        return refused[0]
    return f"{refused[0]} ({others:,} more {'was' if others == 1 else 'were'} refused)"
