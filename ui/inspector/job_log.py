"""What the engine said while a job ran."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from jigdesk.domain.job import Job
from ui.details import label
from ui.host.console import Console
from ui.host.log_feed import LogFeed, LogLine
from ui.theme.theme import Theme

AROUND = timedelta(seconds=1)
"""Lines come over a pipe: the last ones of a job may be late."""


ALL = "What the engine printed from the job's start to its end."


class JobLog(QWidget):
    """The engine's lines from a job's start to its end, live while it runs.

    The log's file has no times: what the window did not see itself cannot be picked out of it.
    `opened(Path)` wants that file shown.
    """

    opened = Signal(object)

    def __init__(self, theme: Theme, feed: LogFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._feed = feed
        self._span: tuple[datetime, datetime | None] | None = None
        self.console = Console(theme, self)
        self.words = label("", tone="muted", scale="small")
        self.whole = QPushButton("Open the whole log", self)
        self.whole.clicked.connect(self._open)
        self.whole.hide()
        row = QHBoxLayout()
        row.addWidget(self.whole)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addLayout(row)
        column.addWidget(self.console, 1)
        feed.arrived.connect(self._came)

    def show_job(self, job: Job) -> None:
        """Show the lines of another time, when the job's has changed."""
        if job.started_at is None:
            self._span = None
            self.words.say("The job has not run yet, so the engine has said nothing about it.")
            self.whole.hide()
            self.console.show_lines([])
            return
        ended = job.finished_at if job.status.is_final else None
        span = (job.started_at - AROUND, None if ended is None else ended + AROUND)
        if span == self._span:
            return
        begin_is_new = self._span is None or span[0] != self._span[0]
        self._span = span
        if begin_is_new:
            self._fill()
        self._say(job)

    def _fill(self) -> None:
        if self._span is not None:
            self.console.show_lines(list(self._feed.between(*self._span)))

    def _say(self, job: Job) -> None:
        since, path = self._feed.since, self._feed.path
        self.whole.hide()
        if self.console.line_count:
            self.words.say(ALL)
        elif job.started_at is None or (since is not None and job.started_at >= since):
            self.words.say("The engine printed nothing while the job ran.")
        elif path is None:
            self.words.say("Somebody else runs this engine: its log is where it runs.")
        else:
            self.words.say(
                "The window was not open when this job ran, or its lines have gone by since. "
                f"They are in the whole log, whose lines have no times: {path}"
            )
            self.whole.show()

    def _open(self) -> None:
        if self._feed.path is not None:
            self.opened.emit(self._feed.path)

    def _came(self, lines: list[LogLine]) -> None:
        span = self._span
        if span is None:
            return
        mine = [
            line
            for line in lines
            if line.at is not None
            and line.at >= span[0]
            and (span[1] is None or line.at <= span[1])
        ]
        if mine:
            self.console.add(mine)
            self.words.say(ALL)
            self.whole.hide()
