"""What a new job can start from: the stored stages of a job that this host sent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from jigdesk.app.core import Core
from jigdesk.app.job_story import StoryFile, result_file
from jigdesk.app.own_jobs import own_client_id
from jigdesk.domain.changes import StageState
from jigdesk.domain.errors import RequestError
from jigdesk.domain.ids import client_owner
from jigdesk.domain.job import Job
from jigdesk.services.folder import JobFolder
from jigdesk.services.record import PlanRecord

NOTHING_STORED = "This job has stored no stage's results yet, so there is nothing to start from."


@dataclass(frozen=True, slots=True)
class StoredResult:
    """One file of a stored stage, as a manifest names it: `index` counts within `output`."""

    output: str
    index: int
    file: StoryFile


@dataclass(frozen=True, slots=True)
class StoredStage:
    """A stage whose results are in the store, in the order of its outputs."""

    name: str
    title: str
    results: tuple[StoredResult, ...]


@dataclass(frozen=True, slots=True)
class BranchPoint:
    """A job with its stored stages, in the order in which they ran."""

    job: Job
    stages: tuple[StoredStage, ...]


def not_yours(owner_id: str | None) -> str:
    """Why this host cannot branch from another's job."""
    if owner_id is None:
        return "Nobody is known to have sent this job, so nobody can branch from it."
    return f"Only whoever sent a job can branch from it, and this one came from {owner_id}."


async def own_owner_id(core: Core) -> str:
    """The owner under which this host's own jobs run. Raises SetupError."""
    return client_owner(await asyncio.to_thread(own_client_id, core.settings.paths))


async def branch_point(core: Core, job_id: str) -> BranchPoint:
    """What a branch of this job can start from.

    Raises RequestError: 404 for a job that is not in the journal, 403 for another's, 409 for
    one that has stored nothing; SetupError, JournalUnavailable.
    """
    job = await core.journal.job(job_id)
    if job is None:
        raise RequestError(404, "not_found", "There is no such job.")
    if job.owner_id != await own_owner_id(core):
        raise RequestError(403, "not_yours", not_yours(job.owner_id))
    titles = await _titles(core, job_id)
    folder = JobFolder.of(core.settings.paths.jobs_dir, job_id)
    stages = tuple(
        StoredStage(
            run.stage,
            titles.get(run.stage, run.stage),
            tuple(
                StoredResult(file.output, file.index, result_file(file, folder))
                for file in run.files
            ),
        )
        for run in await core.journal.stage_runs(job_id)
        if run.state is StageState.STORED and run.files
    )
    if not stages:
        raise RequestError(409, "nothing_stored", NOTHING_STORED)
    return BranchPoint(job, stages)


async def _titles(core: Core, job_id: str) -> Mapping[str, str]:
    plan = await core.journal.plan(job_id)
    if plan is None:
        return {}
    record = await asyncio.to_thread(PlanRecord.from_json, plan)
    return {stage.name: record.templates[stage.workflow].title for stage in record.plan.stages}
