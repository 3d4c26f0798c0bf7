"""Run one stage of a job on the engine, so that it can be entered again at any line."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from jigdesk.domain import ids
from jigdesk.domain.binding import bind
from jigdesk.domain.changes import Change, ResultFile, StageRun, StageState
from jigdesk.domain.clock import Clock
from jigdesk.domain.engine import (
    NodeExecuted,
    NodeFinished,
    NodeOutput,
    NodeProgress,
    NodesCached,
    Preview,
    Prompt,
    PromptStarted,
    PromptSucceeded,
)
from jigdesk.domain.errors import ErrorCode, JobError, TransientError
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.manifest import FileInput
from jigdesk.domain.planning import PlannedStage, ResolvedInput
from jigdesk.domain.progress import ProgressModel
from jigdesk.domain.template import Template
from jigdesk.ports import Engine, Journal, ObjectStore
from jigdesk.services.changes import STATE, STATUS, progress_event
from jigdesk.services.collect import MAX_FILE_BYTES, Collector, plain_suffix, still_there
from jigdesk.services.finish import Finisher
from jigdesk.services.folder import JobFolder
from jigdesk.services.nodetimes import NodeTimes
from jigdesk.services.partial import PartialResults
from jigdesk.services.previews import Previews
from jigdesk.services.record import PlanRecord
from jigdesk.services.report import Present, ProgressReporter

log = logging.getLogger(__name__)


class JobGone(Exception):
    """The job ended or was taken away while it was worked on: stop quietly."""


class StageRunner:
    """Runs stages; each leaves a StageRun as its marker before the engine hears of it."""

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        engine: Engine,
        previews: Previews,
        finisher: Finisher,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._store = store
        self._engine = engine
        self._collector = Collector(engine)
        self._previews = previews
        self._finisher = finisher
        self._clock = clock

    async def run(
        self,
        job: Job,
        record: PlanRecord,
        stage: PlannedStage,
        done: Mapping[str, StageRun],
        model: ProgressModel,
        folder: JobFolder,
        reporter: ProgressReporter,
    ) -> StageRun:
        """Return the stage's run in state RAN (or STORED), its files in the job's folder.

        `done` has the runs of the stages that it may depend on. Raises JobError,
        EngineUnavailable, JobGone. Cancelling leaves the prompt running on the engine.
        """
        before = done.get(stage.name)
        if before is not None and before.state is StageState.STORED:
            return before
        if (
            before is not None
            and before.state is StageState.RAN
            and await asyncio.to_thread(still_there, before.files, folder)
        ):
            return before
        template = record.templates[stage.workflow]
        graph = bind(
            template,
            stage.params,
            await self._input_values(record, stage, done, folder),
            f"jigdesk/{job.job_id}/{stage.name}-{job.attempt}",
        )
        # before it begins: what an earlier stage showed last must not be written after that
        reporter.show(Present(stage.name, stage.index, progress=model.progress))
        run = await self._begin(job, stage, before, record.recipe_of(stage.name), reporter)
        times = NodeTimes(self._clock)
        partial = PartialResults(
            job.job_id,
            stage.name,
            template,
            folder,
            self._collector,
            lambda files: self._finisher.share(job, files, folder),
        )
        try:
            outputs = await self._execute(
                job,
                stage,
                template,
                Prompt(run.prompt_id, graph),
                _Watched(model, times, partial, reporter),
            )
            early = await partial.settle()
        finally:
            await partial.close()
        files = await self._collector.collect(
            job.job_id, stage.name, template, outputs, folder, early
        )
        run = replace(
            run,
            state=StageState.RAN,
            ended_at=self._clock(),
            files=files,
            load_s=times.load_s(template),
            run_s=times.run_s(template),
            nodes=times.nodes(),
        )
        await self._apply(job, Change(stage_runs=(run,), outbox=(STATE,)))
        await self._journal.learn_node_seconds(stage.workflow, times.seconds())
        return run

    async def _begin(
        self,
        job: Job,
        stage: PlannedStage,
        before: StageRun | None,
        recipe: str,
        reporter: ProgressReporter,
    ) -> StageRun:
        """Write the prompt id down before the engine may hear of it."""
        if before is not None and before.attempt == job.attempt:
            run = replace(before, state=StageState.POSTING, ended_at=None, files=())
        else:
            run = StageRun(
                stage=stage.name,
                attempt=job.attempt,
                prompt_id=ids.prompt_id(job.job_id, stage.name, job.attempt),
                state=StageState.POSTING,
                started_at=self._clock(),
                recipe=recipe,
            )
        current = await self._journal.job(job.job_id)
        if current is None:
            raise JobGone
        # a stage beside this one may have shown more since the row was read
        shown = reporter.progress
        if shown and shown > (current.progress or 0.0):
            current = replace(current, progress=shown)
        fields: dict[str, Any] = {
            "stage": stage.name,
            "stage_index": stage.index,
            "node": None,
            "node_title": None,
            "started_at": current.started_at or self._clock(),
        }
        change = Change(
            to=JobStatus.RUNNING,
            fields={**fields, "message": f"Running {stage.workflow}."},
            events=(progress_event(current, status=JobStatus.RUNNING, **fields),),
            outbox=(STATUS, STATE),
            stage_runs=(run,),
        )
        await self._apply(job, change)
        return run

    async def stop(self, run: StageRun) -> None:
        """Take a stage's prompt off the engine, as far as the engine can be told."""
        try:
            await self._engine.cancel(run.prompt_id)
        except TransientError as failure:
            log.warning("the stage %s goes on: %s", run.stage, failure.message)

    async def _execute(
        self,
        job: Job,
        stage: PlannedStage,
        template: Template,
        prompt: Prompt,
        watched: _Watched,
    ) -> Mapping[str, NodeOutput]:
        model, times = watched.model, watched.times
        model.started(stage.name)
        present = Present(stage.name, stage.index, progress=model.progress)
        began_s = time.monotonic()
        try:
            async with aclosing(self._engine.run(prompt)) as events:  # type: ignore[type-var]
                async for event in events:
                    match event:
                        case PromptStarted():
                            times.started()
                        case NodesCached(nodes):
                            model.cached(stage.name, nodes)
                            times.cached(nodes)
                        case NodeProgress(node, value, maximum):
                            model.node(stage.name, node, value, maximum)
                            times.running(node)
                            present = Present(
                                stage.name,
                                stage.index,
                                node,
                                template.node_title(node),
                                message=_steps(value, maximum),
                            )
                        case NodeFinished(node):
                            model.finished(stage.name, node)
                            times.finished(node)
                        case NodeExecuted(output):
                            watched.partial.offer(output)
                        case Preview():
                            self._previews.offer(job.job_id, event)
                        case PromptSucceeded(outputs):
                            times.ended()
                            model.stage_done(stage.name)
                            return outputs
                        case _:
                            pass
                    elapsed_s = time.monotonic() - began_s
                    eta_s = model.eta_s(elapsed_s)
                    watched.reporter.show(replace(present, progress=model.progress, eta_s=eta_s))
        except JobError:
            await self._apply(job, self._failed_run(job, stage, prompt, times))
            raise
        raise AssertionError("the engine's events ended without an outcome")

    def _failed_run(
        self, job: Job, stage: PlannedStage, prompt: Prompt, times: NodeTimes
    ) -> Change:
        now = self._clock()
        run = StageRun(
            stage.name,
            job.attempt,
            prompt.prompt_id,
            StageState.FAILED,
            started_at=times.started_at or now,
            ended_at=now,
            nodes=times.nodes(),
        )
        return Change(stage_runs=(run,))

    async def _input_values(
        self,
        record: PlanRecord,
        stage: PlannedStage,
        done: Mapping[str, StageRun],
        folder: JobFolder,
    ) -> dict[str, str]:
        """Give the engine the stage's files; equal files keep one name, so caches hold."""
        values = {}
        for name, source in stage.inputs.items():
            if isinstance(source, FileInput):
                path = folder.input_path(source.path)
                digest = stage.sha256_of(name)
            else:
                file, path = _result_of(record, stage, source, done, folder, name)
                digest = file.sha256
                if not await asyncio.to_thread(path.is_file):
                    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
                    await self._store.download(file.key, path, MAX_FILE_BYTES)
            upload_name = f"{digest[:40]}{plain_suffix(path.name)}"
            values[name] = await self._engine.upload_input(path, upload_name)
        return values

    async def _apply(self, job: Job, change: Change) -> Job:
        row = await self._journal.apply(
            job.job_id, change, expect=(JobStatus.QUEUED, JobStatus.RUNNING)
        )
        if row is None or row.attempt != job.attempt:
            raise JobGone
        return row


@dataclass(frozen=True, slots=True)
class _Watched:
    """What follows a prompt's events."""

    model: ProgressModel
    times: NodeTimes
    partial: PartialResults
    reporter: ProgressReporter


def _result_of(
    record: PlanRecord,
    stage: PlannedStage,
    source: ResolvedInput,
    done: Mapping[str, StageRun],
    folder: JobFolder,
    name: str,
) -> tuple[ResultFile, Path]:
    """The result that an input takes, and where it lies on this machine."""
    from_parent = record.plan.is_parents(stage, source)
    files = record.parent_files if from_parent else done[source.stage].files
    for file in files:
        if (file.stage, file.output, file.index) == (source.stage, source.output, source.index):
            file_name = PurePosixPath(file.key).name
            if from_parent:
                return file, folder.parent_path(file.stage, file_name)
            return file, folder.output_path(file.stage, file_name)
    raise JobError(
        ErrorCode.MISSING_INPUT,
        f"The stage “{source.stage}” made no file {source.index} of its output “{source.output}”.",
        field=f"inputs.{name}",
    )


def _steps(value: float | None, maximum: float | None) -> str:
    if value is None or maximum is None or maximum <= 1:
        return ""
    return f"step {value:g}/{maximum:g}"
