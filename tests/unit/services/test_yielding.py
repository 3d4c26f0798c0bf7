"""The GPU is left to a named program, without flapping, and its memory too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.errors import EngineUnavailable
from jigdesk.domain.holds import Sighting
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.services.queue import JobQueue
from jigdesk.services.yielding import Yielding
from tests.harness.waiting import eventually

BLENDER = Sighting(("blender",), on_gpu=True)
NOBODY = Sighting((), on_gpu=True)


class Machine:
    """What is seen, what time it is, and whether the engine can free its memory."""

    def __init__(self) -> None:
        self.seen = NOBODY
        self.now_s = 1000.0
        self.freed = 0
        self.is_down = False

    async def look(self) -> Sighting:
        return self.seen

    async def free(self) -> None:
        self.freed += 1
        if self.is_down:
            raise EngineUnavailable("No engine.")


class SlowJob:
    """A worker whose jobs run until the test lets them end."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self.end = asyncio.Event()

    async def prepare(self, job_id: str) -> None:
        for status in (JobStatus.PREPARING, JobStatus.QUEUED):
            await self._journal.apply(job_id, Change(to=status))

    async def run(self, job_id: str, release: Callable[[], None]) -> None:
        await self._journal.apply(job_id, Change(to=JobStatus.RUNNING))
        await self.end.wait()
        release()
        for status in (JobStatus.UPLOADING, JobStatus.CONFIRMING, JobStatus.COMPLETED):
            await self._journal.apply(job_id, Change(to=status))

    async def finish(self, job_id: str) -> None:
        raise AssertionError(f"{job_id} had nothing to resume")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[SqliteJournal]:
    async with SqliteJournal.open(tmp_path / "journal.db") as opened:
        yield opened


@pytest.fixture
def queue(journal: SqliteJournal) -> JobQueue:
    return JobQueue(journal, concurrency=1, max_depth=10)


async def test_a_program_that_comes_and_goes_holds_until_it_is_gone_a_while(
    queue: JobQueue,
) -> None:
    machine, told = Machine(), []
    queue.on_change(lambda: told.append(queue.paused))
    yielding = Yielding(queue, machine.look, None, seconds=lambda: machine.now_s)
    await yielding.look()
    assert queue.paused is None
    for seen in (BLENDER, NOBODY, BLENDER, NOBODY, NOBODY):
        machine.seen = seen
        await yielding.look()
        assert queue.paused == "blender uses the GPU: jobs go on when it ends."
        assert queue.paused_until is None
        machine.now_s += 5
    await yielding.look()
    assert queue.paused is None  # 15 s after it was seen last
    assert len(told) == 2
    machine.seen = Sighting(("blender", "game.exe"))
    await yielding.look()
    assert queue.paused == "blender and game.exe run: jobs go on when they end."


async def test_a_resumed_queue_is_left_alone_until_the_program_comes_again(
    queue: JobQueue,
) -> None:
    machine = Machine()
    yielding = Yielding(queue, machine.look, None, seconds=lambda: machine.now_s)
    machine.seen = BLENDER
    await yielding.look()
    queue.lift()
    machine.seen = Sighting(("blender", "game.exe"), on_gpu=True)
    await yielding.look()
    assert queue.paused is None
    machine.seen = NOBODY
    machine.now_s += 60
    await yielding.look()
    machine.seen = BLENDER
    await yielding.look()
    assert queue.paused is not None


async def test_memory_is_freed_once_and_not_before_what_runs_has_ended(
    queue: JobQueue, journal: SqliteJournal
) -> None:
    machine, worker = Machine(), SlowJob(journal)
    yielding = Yielding(queue, machine.look, machine.free, every_s=0.005, gone_for_s=0)
    tasks = [asyncio.create_task(queue.serve(worker)), asyncio.create_task(yielding.run())]
    jobs = [Arrival(new_job_id(), "b", None, None) for _ in range(2)]
    for arrival in jobs:
        queue.add((await journal.accept(arrival, Change())).job)
    await eventually(lambda: queue.running == 1)
    machine.seen = BLENDER
    await eventually(lambda: queue.paused is not None)
    assert machine.freed == 0
    worker.end.set()
    await eventually(lambda: machine.freed == 1)
    # the second job waits while the program is there, and is not lost
    await eventually(lambda: (queue.running, queue.depth) == (0, 1))
    machine.seen = NOBODY
    await eventually(lambda: queue.depth == 0)
    assert machine.freed == 1
    machine.is_down, machine.seen = True, BLENDER  # an engine that is down has none to free
    await eventually(lambda: machine.freed == 2)
    assert not tasks[1].done()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
