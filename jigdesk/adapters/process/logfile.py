"""A child's output in a rotating file, written off the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from jigdesk.adapters.process.lines import Line
from jigdesk.domain.clock import Clock, to_rfc3339, utc_now

MAX_BYTES = 5_000_000
BACKUPS = 3
MAX_WAITING = 5_000
RETRY_S = 5.0


class RotatingFile:
    """`engine.log`, and `engine.log.1` to `.3` for what was before. Blocking; one thread."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._may_be_torn = False

    def append(self, text: str) -> None:
        """Write text at the end; begins a new file first when this one is full.

        Raises OSError; a part of the text may be there then, and the next begins a new line.
        """
        try:
            self._append(text)
        except OSError:
            self._may_be_torn = True
            raise
        self._may_be_torn = False

    def _append(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size >= self._max_bytes:
            self._rotate()
        if self._may_be_torn and self._ends_within_a_line():
            text = f"\n{text}"
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(fd, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - owner only
            file.write(text)

    def _ends_within_a_line(self) -> bool:
        if not self._path.exists() or self._path.stat().st_size == 0:
            return False
        with self._path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) != b"\n"

    def _rotate(self) -> None:
        for number in range(self._backups, 0, -1):
            source = numbered(self._path, number - 1)
            if source.exists():
                source.replace(numbered(self._path, number))


def numbered(path: Path, number: int) -> Path:
    """Where a log's older file lies: `engine.log.2`; the log itself for 0."""
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


class LogWriter:
    """Lines on their way to the file: at most MAX_WAITING, then the oldest are dropped.

    Each begins with the time at which it came (`2026-03-01T12:00:00.123Z`), since engines tell
    none: by it a job's part of the log is found.

    Transient lines (progress bars) are not written: the line that ends a bar is. What cannot be
    written is dropped too; it is tried again with the next lines, and every RETRY_S seconds, and
    once it works the file says how many lines are missing.
    """

    def __init__(self, file: RotatingFile, clock: Clock = utc_now) -> None:
        self.error: str | None = None
        """Why the newest lines could not be written; None while all is well."""
        self._file = file
        self._clock = clock
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._more = asyncio.Event()
        self._ended = False

    def add(self, lines: Sequence[Line]) -> None:
        """Take lines that have just come; never blocks."""
        at = to_rfc3339(self._clock())
        for line in lines:
            if line.transient:
                continue
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(f"{at} {line.text}")
        self._more.set()

    def end(self) -> None:
        """No more lines come: `run` returns when those that wait are written."""
        self._ended = True
        self._more.set()

    async def run(self) -> str | None:
        """Write until `end`; returns the last `error`."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self.error is None else RETRY_S):
                    await self._more.wait()
            self._more.clear()
            is_last = self._ended
            await self._write()
            if is_last:
                return self.error
            if self._waiting or self._ended:
                self._more.set()

    async def _write(self) -> None:
        lines, dropped = list(self._waiting), self._dropped
        self._waiting.clear()
        self._dropped = 0
        if not lines and not dropped:
            return
        text = "".join(f"{line}\n" for line in lines)
        if dropped:
            why = "" if self.error is None else f": {self.error}"
            at = lines[0][: lines[0].index(" ")] if lines else to_rfc3339(self._clock())
            text = f"{at} ({dropped} lines were dropped here{why})\n{text}"
        try:
            await asyncio.to_thread(self._file.append, text)
        except OSError as failed:  # a full disk must not end the engine
            self.error = f"{failed}"
            self._dropped += dropped + len(lines)
        else:
            self.error = None
