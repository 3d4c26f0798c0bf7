"""The queue's inspector: when it is made, when it is open, and which job it shows."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from ui.frame.window import MainWindow
from ui.host.log_feed import LogFeed
from ui.inspector.panel import Inspector
from ui.queue.page import QueuePage

LAST_JOB = "window/job"
"""The job that was looked at, for an inspector that is open at the next start."""


class Inspecting(QObject):
    """Opens the inspector for the job that is asked for; it is made when it is first needed.

    `branch_asked(job_id, stage)` and `job_asked(job_id)` are those of the inspector's branches.
    """

    branch_asked = Signal(str, str)
    job_asked = Signal(str)

    def __init__(self, window: MainWindow, queue: QueuePage, feed: LogFeed) -> None:
        super().__init__(window)
        self._window = window
        self._feed = feed
        self._inspector: Inspector | None = None
        self._own_owner: str | None = None
        window.set_inspector(self._make, of="queue")
        queue.opened.connect(self._opened)
        queue.current.connect(self._moved)
        queue.dismissed.connect(self._close)

    def own_jobs_are(self, owner_id: str) -> None:
        """The owner of this host's own jobs: only those can be branched from here."""
        self._own_owner = owner_id
        if self._inspector is not None:
            self._inspector.branches.own_jobs_are(owner_id)

    def _make(self, parent: QWidget) -> Inspector:
        window = self._window
        made = self._inspector = Inspector(window.bridge, window.theme, self._feed, parent)
        made.closed.connect(self._close)
        made.branches.asked.connect(self.branch_asked)
        made.branches.job_asked.connect(self.job_asked)
        if self._own_owner is not None:
            made.branches.own_jobs_are(self._own_owner)
        last = window.memory.json_of(LAST_JOB)
        if isinstance(last, str):
            made.show_job(last)
        return made

    def _opened(self, job_id: str) -> None:
        self._window.memory.keep_json(LAST_JOB, job_id)
        self._window.show_inspector()
        self._show(job_id)

    def _moved(self, job_id: str) -> None:
        inspector = self._inspector
        if job_id and inspector is not None and inspector.isVisible():
            self._window.memory.keep_json(LAST_JOB, job_id)
            self._show(job_id)

    def _show(self, job_id: str) -> None:
        if self._inspector is not None:
            self._inspector.show_job(job_id)

    def _close(self) -> None:
        self._window.show_inspector(False)
