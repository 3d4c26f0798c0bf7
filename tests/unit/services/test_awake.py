"""The machine is kept awake while there is work, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.holds import Inhibition
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.services.awake import KeepAwake, When
from jigdesk.services.queue import DRAINING, PAUSED, JobQueue
from tests.harness.waiting import eventually


class Lock:
    """Counts; `refuses` is what the system says against it."""

    def __init__(self) -> None:
        self.held = False
        self.taken = 0
        self.asked = 0
        self.refuses: str | None = None

    async def hold(self, why: str) -> Inhibition:
        assert why
        self.asked += 1
        if self.refuses is not None:
            return Inhibition(False, self.refuses)
        self.taken += not self.held
        self.held = True
        return Inhibition(True, "Kept awake by the test.")

    async def release(self) -> None:
        self.held = False


class NoWork:
    """Prepares nothing: a paused queue does not run what it has."""

    async def prepare(self, job_id: str) -> None:
        await asyncio.Event().wait()

    async def run(self, job_id: str, release: Callable[[], None]) -> None:
        raise AssertionError(job_id)

    async def finish(self, job_id: str) -> None:
        raise AssertionError(job_id)


class Desk:
    """A queue and what keeps the machine awake, running."""

    def __init__(self, journal: SqliteJournal, queue: JobQueue, lock: Lock, awake: KeepAwake):
        self.journal, self.queue, self.lock, self.awake = journal, queue, lock, awake

    async def add(self) -> str:
        arrival = Arrival(new_job_id(), "b", None, None)
        self.queue.add((await self.journal.accept(arrival, Change())).job)
        return arrival.job_id

    async def cancel(self, job_id: str) -> None:
        await self.journal.apply(job_id, Change(to=JobStatus.CANCELLED))
        await self.queue.drop(job_id)

    async def says(self) -> str:
        return (await self.awake.check()).message


@asynccontextmanager
async def _desk(path: Path, lock: Lock, when: When = "jobs") -> AsyncIterator[Desk]:
    async with SqliteJournal.open(path / "journal.db") as journal:
        queue = JobQueue(journal, concurrency=1, max_depth=3)
        awake = KeepAwake(queue, lock, when, try_again_s=0.01)
        tasks = [asyncio.create_task(awake.run()), asyncio.create_task(queue.serve(NoWork()))]
        try:
            yield Desk(journal, queue, lock, awake)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@pytest.fixture
def lock() -> Lock:
    return Lock()


async def test_the_lock_is_held_while_jobs_are_here(tmp_path: Path, lock: Lock) -> None:
    async with _desk(tmp_path, lock) as desk:
        await eventually(lambda: lock.taken == 1 and not lock.held)  # it was tried
        assert "no work" in await desk.says()
        first, second = await desk.add(), await desk.add()
        await eventually(lambda: desk.awake.held)
        assert "the test" in await desk.says()
        assert lock.taken == 2
        await desk.cancel(first)
        await desk.queue.set_flag(PAUSED, "lunch")  # it waits, and goes on some time
        assert lock.held
        await desk.cancel(second)
        await eventually(lambda: not lock.held)
        assert not desk.awake.held
        await desk.add()
        await eventually(lambda: lock.held)
    assert not lock.held  # the desk ended
    assert lock.taken == 3


async def test_a_desk_that_accepts_may_be_kept_awake_too(tmp_path: Path, lock: Lock) -> None:
    async with _desk(tmp_path, lock, "accepting") as desk:
        await eventually(lambda: desk.awake.held)
        await desk.queue.set_flag(DRAINING, "an upgrade")
        await eventually(lambda: not lock.held)
        await desk.queue.set_flag(DRAINING, None)
        await eventually(lambda: lock.held)
        assert lock.taken == 2


async def test_a_refusal_is_said_and_tried_again_while_there_is_work(
    tmp_path: Path, lock: Lock
) -> None:
    lock.refuses = "there is no bus."
    async with _desk(tmp_path, lock) as desk:
        await eventually(lambda: lock.asked == 1)
        check = await desk.awake.check()
        assert (check.level, check.remedy) == ("ok", "")
        assert check.message == "The machine cannot be kept awake: there is no bus."
        await desk.add()
        await eventually(lambda: lock.asked > 3)
        assert not desk.awake.held
        lock.refuses = None
        await eventually(lambda: desk.awake.held)
        assert "the test" in await desk.says()
