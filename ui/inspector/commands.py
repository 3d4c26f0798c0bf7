"""What the owner does with the job that is looked at, and with its files."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from jigdesk.app.job_story import StoryFile, local_copy
from jigdesk.domain.job import Job, JobStatus
from ui.asking import OneQuestion, cancel_question, retry_question
from ui.bridge import Bridge
from ui.frame.question import Question
from ui.opening import open_path


class Commands(QObject):
    """Carries them to the core; `done(Job)` has the newest row of the job that was told to."""

    done = Signal(object)

    def __init__(self, bridge: Bridge, view: QWidget) -> None:
        super().__init__(view)
        self._bridge = bridge
        self._view = view
        self._asking = OneQuestion()

    @property
    def question(self) -> Question | None:
        """What is being asked now."""
        return self._asking.open

    def retry(self, job: Job) -> None:
        """Start a new attempt; asks once where that takes results away."""

        def go() -> None:
            self._bridge.call(lambda core: core.control.retry(job.job_id), self.done.emit)

        if job.status is JobStatus.COMPLETED:
            self._asking.ask(retry_question(1, 1, self._view.window()), go)
        else:
            go()

    def cancel(self, job: Job) -> None:
        """Ask once, then end the job."""

        def go() -> None:
            self._bridge.call(lambda core: core.control.cancel(job.job_id), self.done.emit)

        self._asking.ask(cancel_question(1, self._view.window()), go)

    def open_outside(self, file: StoryFile) -> None:
        """Open a file in the system's viewer; it is fetched where it was cleaned away."""
        self._bridge.call(lambda core: local_copy(core, file), self.open_path)

    def show_folder(self, file: StoryFile) -> None:
        """Open a file's folder in the system's file manager."""
        self._bridge.call(
            lambda core: local_copy(core, file), lambda path: self.open_path(path.parent)
        )

    def open_path(self, path: Path) -> None:
        """Open what lies on this machine, or say where it is."""
        if failed := open_path(path):
            self._bridge.failed.emit(failed)
