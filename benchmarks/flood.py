"""An engine that prints 5,000 lines a second, of every level."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from ui.host.log_feed import LogFeed

LINES_A_SECOND = 5_000
EVERY_S = 0.01
_WORDS = (
    "[info] sampling step {0} of many, 0.312 s/it, latent 64x64x4",
    "got prompt {0}",
    "[warning] deprecated call number {0} of a custom node",
    "Error: block {0} failed: out of memory",
)


class Flood:
    """A thread that puts lines into the feed while the block lasts."""

    def __init__(self, feed: LogFeed) -> None:
        self._feed = feed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flood")
        self.lines = 0
        self.seconds = 0.0

    def __enter__(self) -> Flood:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        began = time.perf_counter()
        while not self._stop.wait(EVERY_S):
            self.seconds = time.perf_counter() - began
            while self.lines < self.seconds * LINES_A_SECOND:
                self._feed.put(_WORDS[self.lines % len(_WORDS)].format(self.lines))
                self.lines += 1
