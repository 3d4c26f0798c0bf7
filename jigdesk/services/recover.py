"""Recover: what the journal says is under way goes on when the desk starts again."""

from __future__ import annotations

import logging

from jigdesk.domain.changes import Change
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.ends import Ends
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

MAX_DEATHS = 20
_UNDER_WAY = frozenset(
    {JobStatus.PREPARING, JobStatus.RUNNING, JobStatus.UPLOADING, JobStatus.CONFIRMING}
)


async def recover(journal: Journal, queue: JobQueue, ends: Ends, *, died: bool) -> int:
    """Give every job that is not final back to the queue; returns how many.

    Nothing is decided here about the engine or the store: each step finds its own markers
    when it is entered again. `died` says that the desk before did not stop by itself; a job
    that was under way then is counted, and quarantined after 20 deaths in a row.
    """
    jobs = [await _counted(journal, ends, job, died=died) for job in await journal.active()]
    alive = [job for job in jobs if job is not None]
    await queue.load(alive)
    if alive:
        log.info("%d jobs go on after the start", len(alive))
    return len(alive)


async def _counted(journal: Journal, ends: Ends, job: Job, *, died: bool) -> Job | None:
    if job.status not in _UNDER_WAY or not (died or job.deaths):
        return job
    deaths = job.deaths + 1 if died else 0
    counted = await journal.apply(job.job_id, Change(fields={"deaths": deaths}))
    if counted is None or deaths < MAX_DEATHS:
        return counted
    error = JobError(
        ErrorCode.INTERNAL,
        f"The host died {deaths} times in a row during this job, so it is set aside.",
    )
    await ends.fail(counted, error, stage=counted.stage)
    return None
