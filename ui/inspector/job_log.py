"""What the engine said while a job ran."""

from __future__ import annotations

from datetime import datetime, timedelta

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from jigdesk.app.engine_log import LogSlice, engine_log
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.job import Job
from ui.bridge import Bridge
from ui.details import label
from ui.host.console import Console
from ui.host.log_feed import LogFeed, LogLine
from ui.reader import Reader
from ui.theme.theme import Theme

AROUND = timedelta(seconds=1)
"""Lines come over a pipe: the last ones of a job may be late."""

ALL = "What the engine printed from the job's start to its end."
CUT = "The newest lines of what the engine printed from the job's start to its end."
READING = "Reading what the engine printed while the job ran"
NOTHING = "The engine printed nothing while the job ran."

_Span = tuple[datetime, datetime | None]


class JobLog(QWidget):
    """The engine's lines from a job's start to its end, live while it runs.

    What came before the window listened is read from the log's files, once the tab is looked at.
    `opened(Path)` wants the newest file shown.
    """

    opened = Signal(object)

    def __init__(
        self, bridge: Bridge, theme: Theme, feed: LogFeed, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._feed = feed
        self._span: _Span | None = None
        self._earlier: LogSlice | None = None
        self._wanted = False
        self._trouble = ""
        self._reader: Reader[datetime, LogSlice] = Reader(bridge, self._read_done, self._failed)
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
            self._span, self._wanted = None, False
            self.words.say("The job has not run yet, so the engine has said nothing about it.")
            self.whole.hide()
            self.console.show_lines([])
            return
        ended = job.finished_at if job.status.is_final else None
        span = (job.started_at - AROUND, None if ended is None else ended + AROUND)
        begin_is_new = self._span is None or span[0] != self._span[0]
        self._span = span
        if begin_is_new:
            self._earlier, self._trouble = None, ""
            self._wanted = self._is_from_before(span[0])
            self._fill()
            self._read()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read what was not looked at until now."""
        super().showEvent(event)
        self._read()

    def _is_from_before(self, begin: datetime) -> bool:
        since = self._feed.since
        return self._feed.path is not None and (since is None or begin < since)

    def _read(self) -> None:
        """Ask for the lines of before, if there are any and somebody looks."""
        span, since = self._span, self._feed.since
        if span is None or not self._wanted or not self.isVisible():
            return
        self._wanted = False
        begin, end = span
        until = min((moment for moment in (end, since) if moment is not None), default=utc_now())
        self._reader.read(begin, lambda core: engine_log(core, begin, until))

    def _read_done(self, begin: datetime, found: LogSlice) -> None:
        if self._span is not None and self._span[0] == begin:
            self._earlier = found
            self._fill()

    def _failed(self, begin: datetime, failure: JigDeskError) -> None:
        if self._span is not None and self._span[0] == begin:
            self._trouble = failure.message
            self._say(self._span)

    def _fill(self) -> None:
        if self._span is None:
            return
        earlier = () if self._earlier is None else self._earlier.lines
        since = self._feed.since  # may have come to be known while the files were read
        lines = [LogLine(at, text) for at, text in earlier if since is None or at < since]
        self.console.show_lines([*lines, *self._feed.between(*self._span)])
        self._say(self._span)

    def _say(self, span: _Span) -> None:
        earlier, path = self._earlier, self._feed.path
        oldest = None if earlier is None else earlier.since
        is_missing = oldest is not None and span[0] + AROUND < oldest
        is_cut = self.console.is_full or (earlier is not None and earlier.is_cut)
        if path is None:
            self.words.say("Somebody else runs this engine: its log is where it runs.")
        elif self._trouble:
            self.words.say(self._trouble)
        elif self._wanted or (earlier is None and self._is_from_before(span[0])):
            self.words.say(READING)
        elif self.console.line_count:
            self.words.say(CUT if is_cut or is_missing else ALL)
        elif is_missing:
            self.words.say("This job's part of the log is gone: only the newest 20 MB are kept.")
        else:
            self.words.say(NOTHING)
        self.whole.setVisible(path is not None and (is_cut or is_missing))

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
            self._say(span)
