"""How a job ends before its time: failed, cancelled, or begun again."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from jigdesk.domain.clock import Clock, to_rfc3339, utc_now
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.job import ACTIVE, Failure, Job, JobStatus
from jigdesk.domain.output import error_document
from jigdesk.ports import Journal
from jigdesk.services.changes import failed, failure_of, next_attempt

log = logging.getLogger(__name__)


class Ends:
    """Ends jobs in one transaction each; the first end wins, a later one changes nothing."""

    def __init__(self, journal: Journal, clock: Clock = utc_now) -> None:
        self._journal = journal
        self._clock = clock

    async def fail(
        self,
        job: Job,
        error: JobError,
        *,
        stage: str | None = None,
        expect: Iterable[JobStatus] = ACTIVE,
    ) -> Job | None:
        """Fail the job (cancel it, when the code says so); None when it had ended already."""
        failure = failure_of(error, stage=stage)
        return await self.end(job, failure, expect=expect)

    async def end(
        self, job: Job, failure: Failure, *, expect: Iterable[JobStatus] = ACTIVE
    ) -> Job | None:
        """End the job with a failure; None when it had ended already."""
        document = error_document(
            job.job_id, job.attempt, failure, failed_at=to_rfc3339(self._clock())
        )
        ended = await self._journal.apply(job.job_id, failed(job, failure, document), expect=expect)
        if ended is not None:
            log.info("job %s %s: %s", job.job_id, ended.status, failure.message)
        return ended

    async def again(self, job: Job, message: str, *, max_attempts: int) -> Job | None:
        """Begin the next attempt by itself; None when the attempts are used up."""
        if job.automatic_attempts + 1 >= max_attempts:
            return None
        change = next_attempt(job, message, position=None, automatic=True)
        log.info("job %s begins again: %s", job.job_id, message)
        return await self._journal.apply(job.job_id, change, expect=ACTIVE)


def cancelled_by(who: str) -> Failure:
    """The failure of a job that somebody cancelled."""
    return Failure(ErrorCode.CANCELLED, f"Cancelled by {who}.", retryable=True)
