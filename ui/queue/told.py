"""What is told of the jobs beside their rows in the journal, and what cells say of it all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.waiting import Wait
from ui.queue.cells import cell_explained, cell_words
from ui.queue.columns import Column
from ui.queue.results import Results, ResultsKept


class Told:
    """Places in the line, waits, results, and how far bars are. Knows no Qt.

    `now` is the moment that ages count to; `is_held` that the queue lets no job begin.
    """

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.is_held = False
        self.results = ResultsKept()
        self._positions: Mapping[str, int] = {}
        self._waits: Mapping[str, Wait] = {}
        self._waits_at = now
        self._bars: dict[str, tuple[int, float]] = {}

    def words(self, job: Job, column: Column) -> str:
        """What a cell says."""
        done = job.status is JobStatus.COMPLETED and column is Column.PROGRESS
        results: Results | None = self.results.of(job) if done else None
        place, wait = self._positions.get(job.job_id), self.wait(job)
        return cell_words(job, column, self.now, place, results, wait, is_held=self.is_held)

    def explained(self, job: Job, column: Column) -> str | None:
        """What a cell's tooltip says; None where there is nothing to add."""
        return cell_explained(job, column, self.now, self.wait(job))

    def bar(self, job: Job) -> float | None:
        """How far its bar is: never less than it was in this attempt; None when unknown."""
        attempt, done = self._bars.get(job.job_id, (job.attempt, job.progress))
        return done if attempt == job.attempt else job.progress

    def wait(self, job: Job) -> Wait | None:
        """When it begins and has run, as it was told and counted down since; None unknown."""
        told = self._waits.get(job.job_id)
        if told is None:
            return None
        passed_s = max(0.0, (self.now - self._waits_at).total_seconds())
        ends_s = None if told.ends_s is None else max(0.0, told.ends_s - passed_s)
        return Wait(max(0.0, told.starts_s - passed_s), ends_s)

    def keep_bar(self, job: Job) -> None:
        """A newer row of a job."""
        if job.status.is_final:
            self._bars.pop(job.job_id, None)
        elif job.progress is not None:
            self._bars[job.job_id] = job.attempt, max(self.bar(job) or 0.0, job.progress)

    def take_positions(self, positions: Mapping[str, int]) -> list[str]:
        """The line now; the jobs whose place in it is another."""
        before, self._positions = self._positions, positions
        return [
            job_id
            for job_id in before.keys() | positions.keys()
            if before.get(job_id) != positions.get(job_id)
        ]

    def take_waits(self, waits: Mapping[str, Wait], at: datetime) -> None:
        """When the jobs of the line begin, as of `at`."""
        self._waits, self._waits_at = waits, at
