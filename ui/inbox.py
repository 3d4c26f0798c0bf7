"""What waits to cross from the core to the window: newest first wins, nothing piles up."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jigdesk.domain.engine import Preview
from jigdesk.domain.events import PROGRESS, Event
from jigdesk.domain.job import Job, JobStatus

MAX_JOBS = 5_000
MAX_EVENTS = 5_000
MAX_COMING_ON = 12
"""Jobs that only came on, in one batch: each beat of the window is short, however many run."""
MAX_PREVIEWS = 64
"""As many as the core keeps: with fewer, the job that is looked at could lose each of its frames
to those of the others."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What changed since the last batch.

    `jobs` has the newest row of each job that changed, except that of those that only came on
    some may wait for the next batch; `events` everything but progress, in order. `missed` says
    that more came than was kept: what is shown has to be read again.
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

    A job whose state changed is in the next batch. Those that only came on take turns, the one
    that waits longest first, so that a batch is never more work than the window has time for.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}
        self._urgent: set[str] = set()
        self._told: dict[str, tuple[JobStatus, int]] = {}
        self._followed: str | None = None
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
                self._jobs[job.job_id] = job  # one that waits keeps its place in the line
                if self._told.get(job.job_id) != (job.status, job.attempt):
                    self._urgent.add(job.job_id)
            changes = [event for event in events if event.name != PROGRESS]
            self._events += changes
            self._urgent.update(event.job_id for event in changes)
            if max(len(self._jobs), len(self._told)) > MAX_JOBS or len(self._events) > MAX_EVENTS:
                self._forget()
                self._missed = True

    def follow(self, job_id: str | None) -> None:
        """The job that is looked at: what it does is in each batch. None: nobody's."""
        with self._lock:
            self._followed = job_id

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
                self._take_jobs(),
                tuple(self._events),
                self._previews,
                self._engine_changed,
                self._requests_came,
                self._workflows_changed,
                self._missed,
            )
            self._events, self._previews = [], {}
            self._engine_changed = self._requests_came = False
            self._workflows_changed = self._missed = False
            return batch

    def _take_jobs(self) -> tuple[Job, ...]:
        taken, coming_on = [], 0
        for job_id, job in self._jobs.items():
            if job_id not in self._urgent and job_id != self._followed:
                if coming_on == MAX_COMING_ON:
                    continue
                coming_on += 1
            taken.append(job)
        for job in taken:
            del self._jobs[job.job_id]
            if job.status.is_final:
                self._told.pop(job.job_id, None)
            else:
                self._told[job.job_id] = job.status, job.attempt
        self._urgent.clear()
        return tuple(taken)

    def _forget(self) -> None:
        self._jobs.clear()
        self._events.clear()
        self._urgent.clear()
        self._told.clear()
