"""Picks the lines of a time out of a child's log and the files that it was before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jigdesk.adapters.process.logfile import BACKUPS, numbered
from jigdesk.domain.clock import from_rfc3339, to_rfc3339

_TIME_CHARS = len("2026-03-01T12:00:00.123Z")


@dataclass(frozen=True, slots=True)
class LogSlice:
    """The lines of a time, oldest first, each with when it came.

    `is_cut` when there were more of them, which came before these; `since` is the oldest time in
    the log, None for a log without one.
    """

    lines: tuple[tuple[datetime, str], ...]
    is_cut: bool
    since: datetime | None


def read_slice(path: Path, begin: datetime, end: datetime, *, most: int) -> LogSlice:
    """The newest `most` lines from `begin` up to, and without, `end`, both to the millisecond.

    Blocks; files that were done with before `begin` are not read. Raises OSError for a log that
    is there and cannot be read.
    """
    first, last = (to_rfc3339(moment).encode() for moment in (begin, end))
    found: deque[bytes] = deque(maxlen=most)
    count = 0
    since: datetime | None = None
    for file in _oldest_first(path):
        is_past = datetime.fromtimestamp(file.stat().st_mtime, UTC) < begin
        for line in _lines(file):
            if since is None:
                since = from_rfc3339(line[:_TIME_CHARS].decode())
            if is_past:
                break
            if first <= line[:_TIME_CHARS] < last:
                found.append(line)
                count += 1
    return LogSlice(tuple(map(_parsed, found)), count > len(found), since)


def _oldest_first(path: Path) -> Iterator[Path]:
    for number in range(BACKUPS, -1, -1):
        file = numbered(path, number)
        if file.exists():
            yield file


def _lines(file: Path) -> Iterator[bytes]:
    """Its lines that begin with a time; the others are none of the desk's."""
    with file.open("rb") as lines:
        for line in lines:
            if line[_TIME_CHARS - 1 : _TIME_CHARS + 1] == b"Z " and _is_time(line[:_TIME_CHARS]):
                yield line


def _is_time(text: bytes) -> bool:
    return text.translate(_SHAPE) == b"dddd-dd-ddTdd:dd:dd.dddZ"


_SHAPE = bytes.maketrans(b"0123456789", b"d" * 10)


def _parsed(line: bytes) -> tuple[datetime, str]:
    text = line[_TIME_CHARS + 1 :].decode("utf-8", "replace").rstrip("\n")
    return from_rfc3339(line[:_TIME_CHARS].decode()), text
