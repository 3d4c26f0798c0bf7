from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.report import Present, ProgressReporter
from tests.fakes.lambda_parts import JOB
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.fakes.troubled_journal import TroubledJournal
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[StoreDesk]:
    async with store_desk(tmp_path) as made:
        yield made


async def running(desk: StoreDesk) -> Job:
    job = (await desk.journal.accept(Arrival(JOB, "jig-react", None), Change())).job
    for status in (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING):
        moved = await desk.journal.apply(job.job_id, Change(to=status))
        assert moved is not None
        job = moved
    return job


async def written(desk: StoreDesk, reporter: ProgressReporter) -> Job:
    """The row after the reporter's next write."""
    done = asyncio.Event()
    leave = desk.journal.subscribe(lambda _events, _jobs: done.set())
    serving = asyncio.create_task(reporter.serve())
    async with asyncio.timeout(PATIENCE_S):
        await done.wait()
    serving.cancel()
    await asyncio.wait([serving])
    leave()
    job = await desk.job(JOB)
    assert job is not None
    return job


async def test_a_stage_is_told_with_its_place(desk: StoreDesk) -> None:
    reporter = ProgressReporter(desk.journal, await running(desk))
    reporter.show(Present("left", 0, "2", "Refine", 0.25))
    reporter.show(Present("right", 1, "7", "Invert", 0.5, 3.0))
    job = await written(desk, reporter)
    assert (job.stage, job.stage_index, job.node, job.node_title) == ("right", 1, "7", "Invert")
    assert (job.progress, job.eta_s) == (0.5, 3.0)
    # of those that run at once the one that spoke last
    reporter.show(Present("left", 0, "2", "Refine", 0.6))
    job = await written(desk, reporter)
    assert (job.stage, job.stage_index, job.progress) == ("left", 0, 0.6)


async def test_progress_never_falls(desk: StoreDesk) -> None:
    reporter = ProgressReporter(desk.journal, await running(desk))
    assert reporter.progress is None
    for progress in (0.5, 0.25, None):
        reporter.show(Present("left", 0, progress=progress))
        assert reporter.progress == 0.5
        assert (await written(desk, reporter)).progress == 0.5


async def test_a_job_that_runs_no_more_is_left_as_it_is(desk: StoreDesk) -> None:
    job = await running(desk)
    reporter = ProgressReporter(desk.journal, job)
    await desk.journal.apply(JOB, Change(to=JobStatus.UPLOADING, fields={"stage": "left"}))
    reporter.show(Present("right", 1, progress=0.75))
    serving = asyncio.create_task(reporter.serve())
    await asyncio.sleep(0)  # it asks for its write
    await desk.journal.apply(JOB, Change(fields={"message": "later"}))  # writes keep their order
    serving.cancel()
    await asyncio.wait([serving])
    now = await desk.job(JOB)
    assert now is not None
    assert (now.stage, now.progress, now.message) == ("left", job.progress, "later")


async def test_a_write_that_fails_is_made_up_for(desk: StoreDesk) -> None:
    journal = TroubledJournal(desk.journal)
    reporter = ProgressReporter(cast(Journal, journal), await running(desk))
    journal.failures["apply"] = 1
    reporter.show(Present("left", 0, progress=0.25))
    assert (await written(desk, reporter)).progress == 0.25
