"""What an owner may do to a job: cancel, retry, prioritise."""

from __future__ import annotations

from jigdesk.domain.changes import Change, StageState
from jigdesk.domain.errors import RequestError
from jigdesk.domain.job import FINAL, Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.changes import STATUS, next_attempt
from jigdesk.services.ends import Ends, cancelled_by
from jigdesk.services.queue import JobQueue
from jigdesk.services.stopping import Stopper

_WAITS = (JobStatus.ACCEPTED, JobStatus.PREPARING, JobStatus.QUEUED)


class Commands:
    """Commands of owners; each is one transaction, then the work follows it."""

    def __init__(self, journal: Journal, queue: JobQueue, stopper: Stopper, ends: Ends) -> None:
        self._journal = journal
        self._queue = queue
        self._stopper = stopper
        self._ends = ends

    async def cancel(self, job_id: str, who: str = "the host") -> Job:
        """End a job; one that is cancelled already stays so. RequestError 404 or 409."""
        job = await self._known(job_id)
        ended = await self._ends.end(job, cancelled_by(who))
        if ended is None:
            job = await self._known(job_id)
            if job.status is JobStatus.CANCELLED:
                return job
            raise RequestError(409, "conflict", f"The job has {job.status.value} already.")
        # the row says cancelled, so nothing that still runs can change the job any more
        await self._queue.drop(job_id)
        for run in await self._journal.stage_runs(job_id):
            if run.state is StageState.POSTING and run.attempt == ended.attempt:
                self._stopper.stop(run.prompt_id)
        return ended

    async def retry(self, job_id: str) -> Job:
        """Start a new attempt of a job that ended. RequestError 404 or 409."""
        job = await self._known(job_id)
        change = next_attempt(
            job, "Trying again.", position=self._queue.waiting + 1, automatic=False
        )
        again = None
        if job.status.is_final:
            again = await self._journal.apply(job_id, change, expect=FINAL)
        if again is None:
            raise RequestError(409, "conflict", "The job has not ended yet: cancel it first.")
        self._queue.add(again)
        return again

    async def prioritise(self, job_id: str) -> Job:
        """Put a waiting job first. RequestError 404 or 409."""
        await self._known(job_id)
        change = Change(fields={"priority": self._queue.top_priority()}, outbox=(STATUS,))
        job = await self._journal.apply(job_id, change, expect=_WAITS)
        if job is None:
            raise RequestError(409, "conflict", "The job does not wait any more.")
        self._queue.reprioritise(job)
        return job

    async def _known(self, job_id: str) -> Job:
        job = await self._journal.job(job_id)
        if job is None:
            raise RequestError(404, "not_found", f"There is no job {job_id}.")
        return job
