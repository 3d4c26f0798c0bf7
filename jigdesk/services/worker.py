"""The worker: takes a job through its steps, and turns every failure into the right end."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from jigdesk.domain.changes import StageRun, StageState
from jigdesk.domain.errors import (
    EngineStalled,
    EngineUnavailable,
    ErrorCode,
    JobError,
    StoreError,
    TransientError,
)
from jigdesk.domain.job import Failure, Job, JobStatus
from jigdesk.ports import Engine, Journal
from jigdesk.services.backoff import until_it_works
from jigdesk.services.changes import moved
from jigdesk.services.ends import Ends
from jigdesk.services.finish import Finisher
from jigdesk.services.folder import JobFolder
from jigdesk.services.prepare import Preparer
from jigdesk.services.previews import Previews
from jigdesk.services.queue import PAUSED, JobQueue
from jigdesk.services.record import PlanRecord
from jigdesk.services.stage import JobGone
from jigdesk.services.stages import JobStages

log = logging.getLogger(__name__)

OOM_IN_A_ROW = 2


class EngineGate(Protocol):
    """Whether there is an engine to run on."""

    async def ready(self) -> None:
        """Return when the engine answers; waits for ever. Cancelling is safe."""

    def stalled(self, reason: str) -> None:
        """The engine answers but nothing moves: have it restarted."""


class JobWorker:
    """Implements `services.queue.Worker`."""

    def __init__(
        self,
        journal: Journal,
        queue: JobQueue,
        engine: Engine,
        gate: EngineGate,
        *,
        preparer: Preparer,
        stages: JobStages,
        finisher: Finisher,
        ends: Ends,
        previews: Previews,
        jobs_dir: Path,
        max_attempts: int,
    ) -> None:
        self._journal = journal
        self._queue = queue
        self._engine = engine
        self._gate = gate
        self._preparer = preparer
        self._stages = stages
        self._finisher = finisher
        self._ends = ends
        self._previews = previews
        self._jobs_dir = jobs_dir
        self._max_attempts = max_attempts
        self._oom_jobs: list[str] = []

    async def prepare(self, job_id: str) -> None:
        """See `Worker.prepare`."""
        job = await self._journal.job(job_id)
        if job is None or job.status not in (JobStatus.ACCEPTED, JobStatus.PREPARING):
            return
        async with self._ending(job):
            preparing = await self._journal.apply(
                job_id,
                moved(job, JobStatus.PREPARING, message="Fetching the files."),
                expect=(JobStatus.ACCEPTED, JobStatus.PREPARING),
            )
            if preparing is None:
                return
            folder = JobFolder.of(self._jobs_dir, job_id)
            await until_it_works(lambda: self._preparer.prepare(preparing, folder))

    async def run(self, job_id: str, release: Callable[[], None]) -> None:
        """See `Worker.run`."""
        job = await self._journal.job(job_id)
        if job is None or job.status not in (JobStatus.QUEUED, JobStatus.RUNNING):
            return
        async with self._ending(job):
            await self._gate.ready()
            runs = await self._run_stages(job, release)
            await self._conclude(job_id, runs)

    async def finish(self, job_id: str) -> None:
        """See `Worker.finish`."""
        job = await self._journal.job(job_id)
        if job is None or job.status not in (JobStatus.UPLOADING, JobStatus.CONFIRMING):
            return
        async with self._ending(job):
            record = await self._record(job)
            runs = record.counting(await self._journal.stage_runs(job_id)).values()
            folder = JobFolder.of(self._jobs_dir, job_id)
            stored = [await self._finisher.store(job, run, folder) for run in runs]
            await self._conclude(job_id, stored)

    async def _run_stages(self, job: Job, release: Callable[[], None]) -> list[StageRun]:
        """Run what is left to run; storing goes on beside it and after the slot is free."""
        record = await self._record(job)
        folder = JobFolder.of(self._jobs_dir, job.job_id)
        try:
            async with self._stages.run(job, record, folder, release) as ran:
                self._oom_jobs.clear()
                current = await self._journal.job(job.job_id)
                if current is None:
                    raise JobGone
                uploading = moved(
                    current,
                    JobStatus.UPLOADING,
                    node=None,
                    node_title=None,
                    eta_s=None,
                    progress=max(current.progress or 0.0, ran.progress),
                    message="Storing the results.",
                )
                if not await self._journal.apply(
                    job.job_id, uploading, expect=(JobStatus.RUNNING, JobStatus.QUEUED)
                ):
                    raise JobGone
                return await ran.stored()
        finally:
            self._previews.forget(job.job_id)

    async def _conclude(self, job_id: str, runs: Iterable[StageRun]) -> None:
        job = await self._journal.job(job_id)
        if job is None or job.status not in (JobStatus.UPLOADING, JobStatus.CONFIRMING):
            raise JobGone
        await self._finisher.complete(job, list(runs))

    async def _record(self, job: Job) -> PlanRecord:
        data = await self._journal.plan(job.job_id)
        if data is None:
            raise AssertionError(f"job {job.job_id} is queued without a plan")
        return await asyncio.to_thread(PlanRecord.from_json, data)

    @asynccontextmanager
    async def _ending(self, job: Job) -> AsyncIterator[None]:
        """Turn what a step raises into the job's end, so that no other job is disturbed.

        What may work later (the disk is full, the store is down) passes through.
        """
        try:
            yield
        except JobGone:
            log.debug("job %s ended while it was worked on", job.job_id)
        except JobError as error:
            await self._failed(job, error)
        except EngineUnavailable as loss:
            await self._engine_lost(job, loss)
        except TransientError:
            raise  # the queue enters the step again later
        except StoreError as refusal:
            log.error("job %s: %s", job.job_id, refusal.message)  # noqa: TRY400 - expected
            message = "The host's store refused the job. The host's log says why."
            await self._failed(job, JobError(ErrorCode.INTERNAL, message))
        except Exception as bug:
            log.exception("job %s failed by a bug", job.job_id)
            await self._bug(job, bug)

    async def _failed(self, job: Job, error: JobError) -> None:
        current = await self._journal.job(job.job_id)
        if current is None:
            return
        if error.error_code in (ErrorCode.TIMEOUT, ErrorCode.OUT_OF_MEMORY):
            await self._clear_engine(job, error)
        if error.error_code is ErrorCode.OUT_OF_MEMORY and await self._after_oom(current):
            return
        await self._ends.fail(current, error, stage=current.stage)

    async def _clear_engine(self, job: Job, error: JobError) -> None:
        try:
            if error.error_code is ErrorCode.TIMEOUT:
                for run in await self._journal.stage_runs(job.job_id):
                    if run.state in (StageState.POSTING, StageState.FAILED):
                        await self._engine.cancel(run.prompt_id)
            else:
                await self._engine.free()
        except TransientError as failure:
            log.warning("the engine could not be cleared: %s", failure.message)

    async def _after_oom(self, job: Job) -> bool:
        """One more try with freed memory; two jobs in a row hold the queue."""
        if job.job_id not in self._oom_jobs:
            self._oom_jobs.append(job.job_id)
            if len(self._oom_jobs) >= OOM_IN_A_ROW and self._queue.paused_by_word is None:
                await self._queue.set_flag(
                    PAUSED, "Two jobs in a row ran out of GPU memory. Free some, then resume."
                )
        elif job.automatic_attempts:
            return False  # a retry by hand is no such second try: it has one of its own
        again = await self._ends.again(
            job, "Out of memory: trying once more.", max_attempts=self._max_attempts
        )
        return again is not None

    async def _engine_lost(self, job: Job, loss: EngineUnavailable) -> None:
        log.warning("job %s lost its engine: %s", job.job_id, loss.message)
        if isinstance(loss, EngineStalled):
            self._gate.stalled(loss.message)
        current = await self._journal.job(job.job_id)
        if current is None or current.status.is_final:
            return
        again = await self._ends.again(
            current, "The engine went away: running again.", max_attempts=self._max_attempts
        )
        if again is None:
            error = JobError(
                ErrorCode.ENGINE_LOST,
                f"The engine went away {current.automatic_attempts + 1} times during this job.",
                details={"details": loss.message},
            )
            await self._ends.fail(current, error, stage=current.stage)

    async def _bug(self, job: Job, bug: Exception) -> None:
        current = await self._journal.job(job.job_id)
        if current is None:
            return
        failure = Failure(
            ErrorCode.INTERNAL,
            "Something went wrong on the host. Its log says what.",
            retryable=True,
            stage=current.stage,
            traceback="".join(traceback.format_exception(bug)),
        )
        await self._ends.end(current, failure)
