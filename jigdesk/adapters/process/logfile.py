"""A child's output in a rotating file, written off the loop."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from jigdesk.adapters.process.lines import Line

MAX_BYTES = 5_000_000
BACKUPS = 3
MAX_WAITING = 5_000


class RotatingFile:
    """`engine.log`, and `engine.log.1` to `.3` for what was before. Blocking; one thread."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._backups = backups

    def append(self, text: str) -> None:
        """Write text at the end; begins a new file first when this one is full."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size >= self._max_bytes:
            self._rotate()
        fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(fd, "w", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - owner only
            file.write(text)

    def _rotate(self) -> None:
        for number in range(self._backups, 0, -1):
            source = self._numbered(number - 1)
            if source.exists():
                source.replace(self._numbered(number))

    def _numbered(self, number: int) -> Path:
        return self._path if number == 0 else self._path.with_name(f"{self._path.name}.{number}")


class LogWriter:
    """Lines on their way to the file: at most MAX_WAITING, then the oldest are dropped.

    Transient lines (progress bars) are not written: the line that ends a bar is.
    """

    def __init__(self, file: RotatingFile) -> None:
        self._file = file
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._more = asyncio.Event()
        self._ended = False

    def add(self, lines: Sequence[Line]) -> None:
        """Take lines; never blocks."""
        for line in lines:
            if line.transient:
                continue
            if len(self._waiting) >= MAX_WAITING:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(line.text)
        self._more.set()

    def end(self) -> None:
        """No more lines come: `run` returns when those that wait are written."""
        self._ended = True
        self._more.set()

    async def run(self) -> str | None:
        """Write until `end`; returns why nothing more could be written, or None."""
        while True:
            await self._more.wait()
            self._more.clear()
            text = self._take()
            if text:
                try:
                    await asyncio.to_thread(self._file.append, text)
                except OSError as failed:  # a full disk must not end the engine
                    return f"{failed}"
            elif self._ended:
                return None
            if self._waiting or self._ended:
                self._more.set()

    def _take(self) -> str:
        lines = list(self._waiting)
        self._waiting.clear()
        if self._dropped:
            lines.insert(0, f"({self._dropped} lines were dropped here)")
            self._dropped = 0
        return "".join(f"{line}\n" for line in lines)
