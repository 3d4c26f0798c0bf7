"""The engine's output on its way to the window: bounded, in batches, with times."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from jigdesk.app import Core
from jigdesk.domain.clock import Clock, utc_now
from ui.bridge import Bridge

KEPT = 20_000
WAITING = 10_000
PIECE = 150
"""Lines that are told at once: laying them out takes 3 ms, and a beat of a flood has 500."""
BETWEEN_MS = 2
"""After a piece; Qt would run a timer of 0 ms again in the same turn of its loop."""
FIRST = 2_000


class Level(StrEnum):
    """How bad a line is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


_ERROR = re.compile(
    r"\b(error|critical|fatal|exception|traceback|failed|out of memory)\b|!!!", re.IGNORECASE
)
_WARNING = re.compile(r"\b(warn(ing)?|deprecat\w+)\b", re.IGNORECASE)
_DEBUG = re.compile(r"\bdebug\b", re.IGNORECASE)
_NO_ERROR = re.compile(r"\b(0|no) (errors?|failed)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line as it came; `at` is None for one from before the window listened.

    A `transient` one is a progress bar's, which the next line replaces.
    """

    at: datetime | None
    text: str
    transient: bool = False


class _Listening(NamedTuple):
    way_out: Callable[[], None]
    before: tuple[str, ...]
    since: datetime


def level_of(text: str) -> Level:
    """How bad a line is, from its words: engines have no common format."""
    if _ERROR.search(text) and not _NO_ERROR.search(text):
        return Level.ERROR
    if _WARNING.search(text):
        return Level.WARNING
    return Level.DEBUG if _DEBUG.search(text) else Level.INFO


class LogFeed(QObject):
    """Keeps the newest lines; `arrived(list[LogLine])` tells new ones, at most PIECE at once.

    Those from before the window listened come all at once, when it begins to.

    Lines come on the core's loop and cross with the bridge's beat. `skipped` counts what came
    faster than it could be shown: then the oldest that waited are missing.
    """

    arrived = Signal(object)

    def __init__(self, bridge: Bridge, clock: Clock = utc_now) -> None:
        super().__init__(bridge)
        self._bridge = bridge
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[LogLine] = deque(maxlen=WAITING)
        self._due = 0
        self._next = QTimer(self)
        self._next.setSingleShot(True)
        self._next.setInterval(BETWEEN_MS)
        self._next.timeout.connect(self._tell)
        bridge.closing.connect(self._next.stop)
        self._kept: deque[LogLine] = deque(maxlen=KEPT)
        self._listens_since: datetime | None = None
        self.skipped = 0

    @property
    def lines(self) -> Sequence[LogLine]:
        """Everything that is kept, oldest first."""
        return self._kept

    @property
    def path(self) -> Path | None:
        """Where the whole log is; None when somebody else runs the engine."""
        core = self._bridge.core
        if core.engine.supervisor is None:  # set before the core has started, and kept
            return None
        return core.settings.paths.engine_log

    def open(self) -> None:
        """Begin to listen; the core has started."""

        async def listen(core: Core) -> _Listening | None:
            supervisor = core.engine.supervisor
            if supervisor is None:
                return None
            before = supervisor.last_lines(FIRST)
            way_out = supervisor.subscribe_lines(lambda line: self.put(line.text, line.transient))
            return _Listening(way_out, before, self._clock())

        self._bridge.call(listen, self._listening)
        self._bridge.ticked.connect(self._take)

    def put(self, text: str, transient: bool = False) -> None:
        """A line came; from any thread."""
        line = LogLine(self._clock(), text, transient)
        with self._lock:
            self.skipped += len(self._waiting) == WAITING
            self._waiting.append(line)

    def between(self, begin: datetime, end: datetime | None) -> Sequence[LogLine]:
        """The kept lines of a time; None is up to now."""
        return [
            line
            for line in self._kept
            if line.at is not None and line.at >= begin and (end is None or line.at <= end)
        ]

    @property
    def since(self) -> datetime | None:
        """From when on every line is kept; None while none are listened to."""
        if len(self._kept) == KEPT:
            return next((line.at for line in self._kept if line.at is not None), None)
        return self._listens_since

    def _listening(self, answer: _Listening | None) -> None:
        if answer is None:
            return
        way_out, before, self._listens_since = answer
        self._bridge.unsubscribe_at_close(way_out)
        earlier = [LogLine(None, text) for text in before]
        self._kept.extendleft(reversed(earlier))
        if earlier:
            self.arrived.emit(earlier)

    def _take(self, _beat: int) -> None:
        """Tell what has come until now, in pieces between which the owner is listened to."""
        self._due = len(self._waiting)
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            count = min(PIECE, self._due, len(self._waiting))
            piece = [self._waiting.popleft() for _ in range(count)]
        self._due -= count
        if not piece:
            return
        for line in piece:
            if self._kept and self._kept[-1].transient:
                self._kept.pop()
            self._kept.append(line)
        if self._due > 0:
            self._next.start()
        self.arrived.emit(piece)
