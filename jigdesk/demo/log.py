"""What the engine prints: lines, and progress bars with `\\r` and no newline."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO

BAR_WIDTH = 10


class Log:
    """Writes to one stream from any thread. When nobody reads any more it falls silent."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        """Write one line."""
        self._write(f"{text}\n")

    def bar(self, value: int, maximum: int, began: float) -> None:
        """Draw a progress bar over the last; `began` is on the monotonic clock."""
        elapsed_s = max(time.monotonic() - began, 1e-6)
        blocks = "█" * (BAR_WIDTH * value // maximum)
        end = "\n" if value == maximum else ""
        self._write(
            f"\r{100 * value // maximum:3}%|{blocks:<{BAR_WIDTH}}| {value}/{maximum} "
            f"[{elapsed_s:.0f}s, {value / elapsed_s:5.2f}it/s]{end}"
        )

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (BrokenPipeError, ValueError):  # ValueError: the stream was closed
                return
