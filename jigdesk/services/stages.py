"""Run a job's stages: each as soon as what it takes is there and a slot is free."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Protocol

from jigdesk.domain.changes import StageRun, StageState
from jigdesk.domain.errors import EngineUnavailable, ErrorCode, JobError, TransientError
from jigdesk.domain.job import Job
from jigdesk.domain.plan import PlannedStage
from jigdesk.domain.progress import ProgressModel
from jigdesk.ports import Journal
from jigdesk.services.finish import Finisher
from jigdesk.services.folder import JobFolder
from jigdesk.services.live_preview import LivePreviews
from jigdesk.services.record import PlanRecord
from jigdesk.services.report import ProgressReporter
from jigdesk.services.stage import JobGone, StageRunner

log = logging.getLogger(__name__)

STORING_DEADLINE_S = 30.0
_DONE = (StageState.RAN, StageState.STORED)


class SpareSlots(Protocol):
    """Slots of the engine beyond the one that every running job has."""

    async def spare_slot(self) -> None:
        """Return once a slot is free that no waiting job takes. Cancelling is safe."""

    def give_back_slot(self) -> None:
        """The slot is free again."""


class JobStages:
    """Runs the stages of jobs; storing goes on beside it."""

    def __init__(
        self,
        journal: Journal,
        runner: StageRunner,
        finisher: Finisher,
        slots: SpareSlots,
        live: LivePreviews,
        *,
        timeout_s: float,
    ) -> None:
        self._live = live
        self._journal = journal
        self._runner = runner
        self._finisher = finisher
        self._slots = slots
        self._timeout_s = timeout_s

    @asynccontextmanager
    async def run(
        self, job: Job, record: PlanRecord, folder: JobFolder, release: Callable[[], None]
    ) -> AsyncIterator[StagesRan]:
        """Run what is left to run; the body waits for what is still being stored.

        Gives the job's own slot back by `release`, after the last stage or when one failed.
        Then the others of the job are stopped, the engine's prompts too, and the finished ones
        keep their outputs. Raises what `StageRunner.run` raises; what passes by itself, and
        cancelling, leave the prompts running on the engine.
        """
        done = record.counting(await self._journal.stage_runs(job.job_id))
        model = await self._model(record, done)
        preview = partial(self._live.take_news, job.job_id)
        reporter = ProgressReporter(self._journal, job, preview=preview)
        storing: dict[str, asyncio.Task[StageRun]] = {}
        turns = asyncio.Lock()  # first come, first served: results are told as the stages end

        async def store(run: StageRun) -> StageRun:
            async with turns:
                return await self._finisher.store(job, run, folder)

        async def one(stage: PlannedStage) -> None:
            async with self._deadline(stage.timeout_s):
                run = await self._runner.run(job, record, stage, done, model, folder, reporter)
            done[stage.name] = run
            storing[stage.name] = asyncio.create_task(store(run), name=f"store {job.job_id}")

        reporting = asyncio.create_task(reporter.serve(), name=f"progress {job.job_id}")
        try:
            try:
                await Schedule(record.plan.stages, one, self._slots).run()
            except Exception as failure:
                if not _is_resumed(failure):
                    release()
                    await self._stop_others(job, record, failure)
                    if storing:  # finished stages keep their outputs
                        await asyncio.wait(storing.values(), timeout=STORING_DEADLINE_S)
                raise
            finally:
                reporting.cancel()
                await asyncio.wait([reporting])
            release()
            yield StagesRan(model, [storing[stage.name] for stage in record.plan.stages])
        finally:
            self._finisher.forget(job.job_id)
            self._live.forget(job.job_id)
            for task in storing.values():
                task.cancel()
            if storing:
                await asyncio.wait(storing.values())

    async def _model(self, record: PlanRecord, done: dict[str, StageRun]) -> ProgressModel:
        names = {stage.workflow for stage in record.plan.stages}
        learned = {name: await self._journal.node_seconds(name) for name in names}
        model = ProgressModel.of(record.plan, record.templates, learned)
        for name, run in done.items():
            if run.state in _DONE:
                model.stage_done(name)
        return model

    async def _stop_others(self, job: Job, record: PlanRecord, failure: Exception) -> None:
        """Stop what ran beside the stage that failed; after a JobError its own prompt has ended."""
        if isinstance(failure, EngineUnavailable):
            return
        if len(record.plan.stages) == 1 and isinstance(failure, JobError):
            return
        for run in await self._journal.stage_runs(job.job_id):
            if run.state is StageState.POSTING and run.attempt == job.attempt:
                await self._runner.stop(run)

    @asynccontextmanager
    async def _deadline(self, template_timeout_s: float | None) -> AsyncIterator[None]:
        limits = [s for s in (template_timeout_s, self._timeout_s) if s]
        timeout_s = min(limits) if limits else None
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except TimeoutError as error:
            raise JobError(
                ErrorCode.TIMEOUT, f"The stage took longer than {timeout_s:g} s and was stopped."
            ) from error


def _is_resumed(failure: Exception) -> bool:
    """Whether the stages go on where they are, or the job is somebody else's to stop."""
    if isinstance(failure, EngineUnavailable):
        return False
    return isinstance(failure, TransientError | JobGone)


class StagesRan:
    """Every stage ended well on the engine."""

    def __init__(self, model: ProgressModel, storing: Sequence[asyncio.Task[StageRun]]) -> None:
        self._storing = storing
        self.progress = model.progress

    async def stored(self) -> list[StageRun]:
        """Every stage's run once its results are stored, in the plan's order."""
        return [await task for task in self._storing]


class Schedule:
    """The order of one job's stages: the plan's, but that nobody waits without a reason."""

    def __init__(
        self,
        stages: Sequence[PlannedStage],
        run_one: Callable[[PlannedStage], Coroutine[Any, Any, None]],
        slots: SpareSlots,
    ) -> None:
        self._waiting = list(stages)
        self._run_one = run_one
        self._slots = slots
        self._done: set[str] = set()
        self._running: dict[asyncio.Task[None], PlannedStage] = {}
        self._asking: asyncio.Task[None] | None = None
        self._free = 1  # the job's own slot
        self._spare = 0

    async def run(self) -> None:
        """Run them all; raises what the first that failed raised, with nothing left running."""
        try:
            while self._waiting or self._running:
                self._start()
                waits = [*self._running, *([self._asking] if self._asking is not None else [])]
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                self._take_spare()
                for task in [task for task in self._running if task.done()]:
                    stage = self._running.pop(task)
                    self._free += 1
                    task.result()
                    self._done.add(stage.name)
                self._give_back()
        finally:
            await self._end()

    def _ready(self) -> list[PlannedStage]:
        return [stage for stage in self._waiting if self._done.issuperset(stage.depends_on)]

    def _start(self) -> None:
        for stage in self._ready()[: self._free]:
            self._waiting.remove(stage)
            self._free -= 1
            task = asyncio.create_task(self._run_one(stage), name=f"stage {stage.name}")
            self._running[task] = stage
        if self._ready() and self._asking is None:
            self._asking = asyncio.create_task(self._slots.spare_slot(), name="spare slot")

    def _take_spare(self) -> None:
        if self._asking is not None and self._asking.done():
            self._asking.result()
            self._asking = None
            self._free += 1
            self._spare += 1

    def _give_back(self) -> None:
        """Keep one slot: the job's own; a spare one goes when nothing is ready for it."""
        while self._spare and self._free > len(self._ready()):
            self._slots.give_back_slot()
            self._spare -= 1
            self._free -= 1

    async def _end(self) -> None:
        ends = [*self._running]
        if self._asking is not None:
            ends.append(self._asking)
        for task in ends:
            task.cancel()
        if ends:
            await asyncio.wait(ends)
        if self._asking is not None and not self._asking.cancelled():
            self._spare += 1  # it was given just then
        for _ in range(self._spare):
            self._slots.give_back_slot()
