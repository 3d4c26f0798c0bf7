"""What the engine said while a job ran."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from jigdesk.domain.job import Job
from ui.host.console import Console
from ui.host.log_feed import LogFeed, LogLine
from ui.theme.theme import Theme

AROUND = timedelta(seconds=1)
"""Lines come over a pipe: the last ones of a job may be late."""


class JobLog(QWidget):
    """The engine's lines from a job's start to its end, live while it runs."""

    def __init__(self, theme: Theme, feed: LogFeed, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._feed = feed
        self._span: tuple[datetime, datetime | None] | None = None
        self.console = Console(theme, self)
        self.words = QLabel(self)
        self.words.setProperty("tone", "muted")
        self.words.setProperty("scale", "small")
        self.words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(self.words)
        column.addWidget(self.console, 1)
        feed.arrived.connect(self._came)

    def show_job(self, job: Job) -> None:
        """Show the lines of another time, when the job's has changed."""
        if job.started_at is None:
            self._span = None
            self.words.setText("The job has not run yet, so the engine has said nothing about it.")
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
        since = self._feed.since
        if self.console.line_count:
            words = "What the engine printed from the job's start to its end."
        elif job.started_at is not None and (since is None or job.started_at < since):
            words = (
                "The window was not open, or the lines have gone by since: "
                "the whole log is in engine.log."
            )
        else:
            words = "The engine printed nothing while the job ran."
        self.words.setText(words)

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
            self.words.setText("What the engine printed from the job's start to its end.")
