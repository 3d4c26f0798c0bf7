"""Housekeeping: old work goes, within bounds; what is under way or not ours stays."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.clock import utc_now
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.services.housekeeping import Housekeeper, Retention

DAY_S = 86_400.0


class World:
    """A journal, a folder of jobs, and an engine's folder."""

    def __init__(self, path: Path, journal: SqliteJournal) -> None:
        self.journal = journal
        self.jobs = path / "jobs"
        self.engine = path / "engine" / "input" / "jigdesk"
        self.low = asyncio.Event()
        self.is_idle = True
        for folder in (self.jobs, self.engine):
            folder.mkdir(parents=True)

    async def job(self, days_old: float, size_bytes: int = 1000, *, ended: bool = True) -> Path:
        """A job with its folder; returns the folder."""
        job_id = new_job_id()
        await self.journal.accept(Arrival(job_id, "jig-react", f"msg_{job_id}"), Change())
        if ended:
            await self.journal.apply(job_id, Change(to=JobStatus.CANCELLED))
        return self.folder(job_id, days_old, size_bytes)

    def folder(self, name: str, days_old: float, size_bytes: int = 1000) -> Path:
        folder = self.jobs / name
        (folder / "outputs" / "blur").mkdir(parents=True)
        (folder / "outputs" / "blur" / "result.png").write_bytes(b"x" * size_bytes)
        touched = time.time() - days_old * DAY_S
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (touched, touched))
        return folder

    async def clean(self, **kept: Any) -> int:
        return await Housekeeper(
            self.journal,
            self.jobs,
            engine_folders=[self.engine, self.engine.parent / "never-made"],
            is_engine_idle=lambda: self.is_idle,
            low=self.low,
            clock=utc_now,
            retention=Retention(**kept),
        ).clean()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        yield World(tmp_path, journal)


async def test_what_ended_long_ago_goes(world: World) -> None:
    old, new = await world.job(8), await world.job(6)
    active = await world.job(30, ended=False)
    unknown = world.folder(new_job_id(), 8)
    foreign = world.folder("my pictures", 800)
    assert await world.clean() == 2
    assert [path.exists() for path in (old, new, active, unknown, foreign)] == [
        *(False, True, True, False, True)
    ]
    assert await world.clean() == 0


async def test_the_oldest_go_first_when_they_take_too_much_room(world: World) -> None:
    folders = [await world.job(days, 100_000) for days in (3, 2, 1)]
    active = await world.job(4, 100_000, ended=False)
    await world.clean(jobs_bytes=350_000)
    assert [folder.exists() for folder in (*folders, active)] == [False, True, True, True]


async def test_a_low_disk_makes_it_hurry(world: World) -> None:
    recent, now = await world.job(0.1), await world.job(0)
    world.low.set()
    await world.clean()
    assert [recent.exists(), now.exists()] == [False, True]


async def test_a_round_is_bounded(world: World) -> None:
    folders = [await world.job(10 + days) for days in range(5)]
    assert await world.clean(gone=2) == 2
    assert [folder.exists() for folder in folders] == [True, True, True, False, False]


async def test_what_a_killed_round_left_is_finished(world: World) -> None:
    doomed = world.folder(f".gone-{new_job_id()}", 0)
    await world.clean()
    assert not doomed.exists()


async def test_a_folder_that_cannot_go_keeps_no_other_from_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    stuck = await world.job(20)
    in_the_way = world.jobs / f".gone-{stuck.name}"
    in_the_way.write_bytes(b"a file of somebody else's")
    old = await world.job(8)
    assert await world.clean() == 1
    assert (stuck.exists(), old.exists()) == (True, False)
    assert stuck.name in caplog.text
    in_the_way.unlink()
    assert await world.clean() == 1
    assert not stuck.exists()


async def test_the_engines_old_files_go_while_it_is_idle(world: World, tmp_path: Path) -> None:
    outside = tmp_path / "photo.png"
    outside.write_bytes(b"mine")
    old, new = world.engine / "a" / "old.png", world.engine / "new.png"
    old.parent.mkdir()
    for path in (old, new):
        path.write_bytes(b"x")
    (world.engine / "link.png").symlink_to(outside)
    then = time.time() - 2 * DAY_S
    os.utime(old, (then, then))
    os.utime(world.engine / "link.png", (then, then), follow_symlinks=False)
    world.is_idle = False
    assert await world.clean() == 0
    world.is_idle = True
    assert await world.clean() == 2
    assert (old.parent.exists(), new.exists(), world.engine.exists()) == (False, True, True)
    assert outside.read_bytes() == b"mine"


async def test_old_jobs_leave_the_journal(world: World) -> None:
    folder = await world.job(0)
    assert await world.journal.job(folder.name) is not None
    await world.clean(journal_age=timedelta(days=-1))
    assert await world.journal.job(folder.name) is None
