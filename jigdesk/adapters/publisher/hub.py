"""One subscription to the journal wakes every open event stream; the streams are counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job
from jigdesk.ports import Journal


class EventHub:
    """Tells streams that their job's journal has more; carries no event itself.

    So a slow reader holds nothing but its place: it reads from the journal when it can. Lives on
    the core's loop. `max_streams` bounds all streams together, `max_per_job` those of one job.
    """

    def __init__(self, journal: Journal, *, max_streams: int = 500, max_per_job: int = 20) -> None:
        self._max_streams = max_streams
        self._max_per_job = max_per_job
        self._wakes: dict[str, set[asyncio.Event]] = {}
        self._open = 0
        self._closed = False
        self._unsubscribe = journal.subscribe(self._committed)

    @property
    def closed(self) -> bool:
        """Whether the desk is shutting down: every stream ends."""
        return self._closed

    @property
    def open_streams(self) -> int:
        """How many streams are open."""
        return self._open

    def watched(self, job_id: str) -> bool:
        """Whether a stream of this job is open."""
        return job_id in self._wakes

    @contextmanager
    def stream(self, job_id: str) -> Iterator[asyncio.Event]:
        """Count a stream of `job_id` in; the event is set after each commit that concerns it.

        The reader clears it before it reads. Raises RequestError(503) beyond the bounds.
        """
        open_here = len(self._wakes.get(job_id, ()))
        if self._closed:
            raise RequestError(503, "unavailable", "The desk is shutting down.")
        if self._open >= self._max_streams or open_here >= self._max_per_job:
            raise RequestError(503, "busy", "Too many event streams are open.", retry_after_s=5)
        wake = asyncio.Event()
        self._wakes.setdefault(job_id, set()).add(wake)
        self._open += 1
        try:
            yield wake
        finally:
            self._open -= 1
            mine = self._wakes[job_id]
            mine.discard(wake)
            if not mine:
                del self._wakes[job_id]

    def close(self) -> None:
        """End every stream and leave the journal. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        for wakes in self._wakes.values():
            for wake in wakes:
                wake.set()

    def _committed(self, events: Sequence[Event], jobs: Sequence[Job]) -> None:
        for job_id in {event.job_id for event in events} | {job.job_id for job in jobs}:
            for wake in self._wakes.get(job_id, ()):
                wake.set()
