"""Previews: the newest frame of each running job, in memory only."""

from __future__ import annotations

from collections.abc import Callable

from jigdesk.domain.engine import Preview

MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_JOBS = 64


class Previews:
    """Keeps one frame a job; the latest wins. Lives on the core's loop."""

    def __init__(self) -> None:
        self._frames: dict[str, Preview] = {}
        self._listeners: list[Callable[[str, Preview], None]] = []

    def offer(self, job_id: str, frame: Preview) -> None:
        """A new frame; one that is too large is left out."""
        if len(frame.data) > MAX_FRAME_BYTES:
            return
        self._frames.pop(job_id, None)
        self._frames[job_id] = frame
        while len(self._frames) > MAX_JOBS:
            del self._frames[next(iter(self._frames))]
        for listener in self._listeners:
            listener(job_id, frame)

    def latest(self, job_id: str) -> Preview | None:
        """The newest frame; None when there is none."""
        return self._frames.get(job_id)

    def forget(self, job_id: str) -> None:
        """The job does not run any more."""
        self._frames.pop(job_id, None)

    def subscribe(self, listener: Callable[[str, Preview], None]) -> Callable[[], None]:
        """Call `listener` on the loop for every frame; returns the way to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
