"""When each job of the queue begins, by what its workflows usually take on this host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from jigdesk.app.core import Core
from jigdesk.domain.clock import utc_now
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.waiting import Wait, waits
from jigdesk.ports import Journal
from jigdesk.services.prepare import STAGES_BETWEEN

MOST_JOBS = 2_000
"""A longer line is not guessed at: reading it would cost more than the guess is worth."""


async def queue_waits(core: Core, active: Sequence[Job]) -> Mapping[str, Wait]:
    """The wait of every job in the line that can be told; `active` are the journal's open jobs.

    Empty while the queue is paused, since nobody knows for how long. Raises JournalUnavailable.
    """
    queue = core.work.queue
    if queue.paused is not None or len(active) > MOST_JOBS:
        return {}
    usual = _Usual(core.journal)
    now = utc_now()
    by_id = {job.job_id: job for job in active}
    running = [
        await _left_s(by_id[job_id], usual, now) for job_id in queue.holding() if job_id in by_id
    ]
    line = [
        (job_id, await usual.seconds(by_id[job_id]))
        for job_id, _ in sorted(queue.positions().items(), key=lambda item: item[1])
        if job_id in by_id
    ]
    return waits(running, line, queue.concurrency)


async def _left_s(job: Job, usual: _Usual, now: datetime) -> float | None:
    """What is left of a job that holds a slot; None when not known."""
    if job.status is not JobStatus.RUNNING:  # it has the slot and is about to begin
        return await usual.seconds(job)
    if job.eta_s is not None:
        return max(0.0, job.eta_s - (now - job.updated_at).total_seconds())
    whole_s = await usual.seconds(job)
    if whole_s is None or job.started_at is None:
        return None
    return max(0.0, whole_s - (now - job.started_at).total_seconds())


class _Usual:
    """What workflows usually take, each read once."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, float | None] = {}

    async def seconds(self, job: Job) -> float | None:
        """Of all stages of a job; None before it is read and for a workflow never timed."""
        whole_s = 0.0
        for name in (job.workflow or "").split(STAGES_BETWEEN):
            if name not in self._known:
                nodes = await self._journal.node_seconds(name)
                self._known[name] = sum(nodes.values()) if nodes else None
            known = self._known[name]
            if known is None:
                return None
            whole_s += known
        return whole_s
