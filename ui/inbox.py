"""What waits to cross from the core to the window: newest first wins, nothing piles up."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jigdesk.domain.engine import Preview
from jigdesk.domain.events import PROGRESS, Event
from jigdesk.domain.job import Job

MAX_JOBS = 5_000
MAX_EVENTS = 5_000
MAX_PREVIEWS = 64
"""As many as the core keeps: with fewer, the job that is looked at could lose each of its frames
to those of the others."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed since the last batch.

    `jobs` has the newest row of each job that changed; `events` everything but progress, in
    order. `missed` says that more came than was kept: what is shown has to be read again.
    """

    jobs: tuple[Job, ...] = ()
    events: tuple[Event, ...] = ()
    previews: Mapping[str, Preview] | None = None
    engine_changed: bool = False
    requests_came: bool = False
    workflows_changed: bool = False
    missed: bool = False


class Inbox:
    """Filled on the core's loop, emptied by the window. Thread-safe, and bounded.

    Of progress and previews the newest of each job stays. Other events are never dropped one
    by one: when the window hangs for so long that they do not fit, all go, and `missed` tells
    it to read the journal, which has everything.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._events: list[Event] = []
        self._previews: dict[str, Preview] = {}
        self._engine_changed = False
        self._requests_came = False
        self._workflows_changed = False
        self._missed = False

    def changed(self, events: Sequence[Event], jobs: Sequence[Job]) -> None:
        """A commit of the journal; the listener for `Journal.subscribe`."""
        with self._lock:
            for job in jobs:
                self._jobs.pop(job.job_id, None)
                self._jobs[job.job_id] = job
            self._events += [event for event in events if event.name != PROGRESS]
            if len(self._jobs) > MAX_JOBS or len(self._events) > MAX_EVENTS:
                self._jobs.clear()
                self._events.clear()
                self._missed = True

    def preview(self, job_id: str, frame: Preview) -> None:
        """A newer frame of a job; the oldest job's makes room."""
        with self._lock:
            self._previews.pop(job_id, None)
            self._previews[job_id] = frame
            while len(self._previews) > MAX_PREVIEWS:
                del self._previews[next(iter(self._previews))]

    def engine(self) -> None:
        """The engine's state changed."""
        with self._lock:
            self._engine_changed = True

    def request(self) -> None:
        """A request came in on the public listener."""
        with self._lock:
            self._requests_came = True

    def workflows(self) -> None:
        """What workflows are available changed."""
        with self._lock:
            self._workflows_changed = True

    def take(self) -> Batch | None:
        """Everything that waits, at once; None when nothing does."""
        with self._lock:
            told = self._engine_changed or self._requests_came or self._workflows_changed
            if not (self._jobs or self._events or self._previews or told or self._missed):
                return None
            batch = Batch(
                tuple(self._jobs.values()),
                tuple(self._events),
                self._previews,
                self._engine_changed,
                self._requests_came,
                self._workflows_changed,
                self._missed,
            )
            self._jobs, self._events, self._previews = {}, [], {}
            self._engine_changed = self._requests_came = False
            self._workflows_changed = self._missed = False
            return batch
