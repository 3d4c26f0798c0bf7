"""Results on their way into the store, and what readers hear of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from jigdesk.domain import events, keys
from jigdesk.domain.changes import Arrival, Change, ResultFile, StageRun, StageState
from jigdesk.domain.errors import JournalUnavailable
from jigdesk.domain.ids import prompt_id
from jigdesk.domain.job import Job, JobStatus
from jigdesk.ports import Journal
from jigdesk.services.finish import Finisher
from jigdesk.services.folder import JobFolder
from jigdesk.services.nodetimes import NodeTimes
from tests.fakes.lambda_parts import JOB
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.fakes.troubled_journal import TroubledJournal
from tests.harness.waiting import PATIENCE_S

FILE = ResultFile(
    keys.output_key(JOB, "t", "seen.png"), "t", "seen", "3", 0, "image", "image/png", 3, "0" * 64
)


async def _running(desk: StoreDesk) -> tuple[Job, StageRun]:
    job = (await desk.journal.accept(Arrival(JOB, "jig-react", None), Change())).job
    for status in (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING):
        row = await desk.journal.apply(JOB, Change(to=status))
        assert row is not None
        job = row
    run = StageRun("t", 1, prompt_id(JOB, "t", 1), StageState.RAN, desk.clock(), files=(FILE,))
    return job, run


def _folder(path: Path) -> JobFolder:
    folder = JobFolder.of(path / "jobs", JOB)
    target = folder.output_path("t", "seen.png")
    target.parent.mkdir(parents=True)
    target.write_bytes(b"png")
    return folder


async def test_what_could_not_be_told_while_the_stage_ran_is_told_at_its_end(
    tmp_path: Path,
) -> None:
    async with store_desk(tmp_path) as desk:
        job, run = await _running(desk)
        journal = TroubledJournal(desk.journal)
        finisher = Finisher(cast(Journal, journal), desk.store, desk.confirmations, desk.clock)
        journal.failures["apply"] = 1
        folder = _folder(tmp_path)
        with pytest.raises(JournalUnavailable):
            await finisher.share(job, [FILE], folder)
        await finisher.store(job, run, folder)
        told = [event.name for event in await desk.journal.events(JOB)]
        assert told == [events.NEW_FILES]


async def test_a_clock_that_is_set_back_makes_no_time_negative(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job, run = await _running(desk)
        times = NodeTimes(desk.clock)
        times.running("3")
        desk.clock.forward(hours=-6)
        times.ended()
        assert times.seconds() == {"3": 0.0}
        finisher = Finisher(desk.journal, desk.store, desk.confirmations, desk.clock)
        desk.memory.before = lambda *_: desk.clock.forward(hours=-6)
        stored = await finisher.store(job, run, _folder(tmp_path))
        assert stored.upload_s == 0.0
        uploading = await desk.journal.apply(JOB, Change(to=JobStatus.UPLOADING))
        assert uploading is not None
        completing = asyncio.create_task(finisher.complete(uploading, [stored]))
        async with asyncio.timeout(PATIENCE_S):
            while await desk.store.head(keys.output_json_key(JOB)) is None:
                await desk.flushed()
        assert desk.document(keys.output_json_key(JOB))["duration_s"] == 0.0
        completing.cancel()
        await asyncio.wait([completing])
