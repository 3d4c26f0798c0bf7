"""The queue gives out slots: bounded, in turn, held when it is paused, never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.errors import JournalUnavailable
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from jigdesk.ports import Journal
from jigdesk.services.queue import PAUSED, PREPARING_AT_ONCE, JobQueue
from tests.harness.waiting import PATIENCE_S


class ScriptedWorker:
    """Moves jobs along as a real worker does, and lets the test hold each step."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.gates = {"prepare": asyncio.Event(), "run": asyncio.Event(), "finish": asyncio.Event()}
        for gate in self.gates.values():
            gate.set()
        self.inside: dict[str, set[str]] = {"prepare": set(), "run": set(), "finish": set()}
        self.ran: list[str] = []
        self.troubles = 0
        self.most_inside = 0

    async def prepare(self, job_id: str) -> None:
        async with self._held("prepare", job_id):
            await self._move(job_id, JobStatus.PREPARING)
            await self._move(job_id, JobStatus.QUEUED)

    async def run(self, job_id: str, release: Callable[[], None]) -> None:
        self.ran.append(job_id)
        if self.troubles:
            self.troubles -= 1
            raise JournalUnavailable("The disk is full.")
        async with self._held("run", job_id):
            await self._move(job_id, JobStatus.RUNNING)
        release()
        async with self._held("finish", job_id):
            for status in (JobStatus.UPLOADING, JobStatus.CONFIRMING, JobStatus.COMPLETED):
                await self._move(job_id, status)

    async def finish(self, job_id: str) -> None:
        raise AssertionError(f"{job_id} had nothing to resume")

    async def _move(self, job_id: str, to: JobStatus) -> None:
        await self._journal.apply(job_id, Change(to=to))

    @asynccontextmanager
    async def _held(self, step: str, job_id: str) -> AsyncIterator[None]:
        self.inside[step].add(job_id)
        self.most_inside = max(self.most_inside, len(self.inside["run"]))
        try:
            await self.gates[step].wait()
            yield
        finally:
            self.inside[step].discard(job_id)


class Line:
    """A journal, a queue and a worker, running."""

    def __init__(self, journal: SqliteJournal, queue: JobQueue, worker: ScriptedWorker) -> None:
        self.journal = journal
        self.queue = queue
        self.worker = worker

    async def add(self, owner: str | None = None) -> str:
        arrival = Arrival(new_job_id(), "b", None, owner)
        self.queue.add((await self.journal.accept(arrival, Change())).job)
        return arrival.job_id

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - any condition of the test's
                await asyncio.sleep(0.002)

    async def all_queued(self, count: int) -> None:
        """Wait until that many are prepared: a job that is ready earlier may run earlier."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.journal.counts()).get(JobStatus.QUEUED) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        await self.until(lambda: self.queue.waiting == count)

    async def all_done(self) -> None:
        await self.until(lambda: self.queue.depth == 0)


@asynccontextmanager
async def _line(path: Path, *, concurrency: int = 1, max_depth: int = 100) -> AsyncIterator[Line]:
    async with SqliteJournal.open(path / "journal.db") as journal:
        queue = JobQueue(journal, concurrency=concurrency, max_depth=max_depth)
        worker = ScriptedWorker(journal)
        serving = asyncio.create_task(queue.serve(worker))
        try:
            yield Line(journal, queue, worker)
        finally:
            serving.cancel()
            await asyncio.wait([serving])


@pytest.fixture
async def line(tmp_path: Path) -> AsyncIterator[Line]:
    async with _line(tmp_path) as running:
        yield running


async def test_every_job_is_taken_once_and_in_order(line: Line) -> None:
    await line.queue.set_flag(PAUSED, "lining up")
    jobs = [await line.add() for _ in range(12)]
    await line.all_queued(len(jobs))
    await line.queue.set_flag(PAUSED, None)
    await line.all_done()
    assert line.worker.ran == jobs
    assert line.worker.most_inside == 1


async def test_no_more_than_the_slots_run_at_once(tmp_path: Path) -> None:
    async with _line(tmp_path, concurrency=3) as line:
        line.worker.gates["run"].clear()
        for _ in range(8):
            await line.add()
        await line.until(lambda: len(line.worker.inside["run"]) == 3)
        assert line.queue.running == 3
        line.worker.gates["run"].set()
        await line.all_done()
        assert line.worker.most_inside == 3


async def test_preparing_has_few_slots_so_that_a_hanging_store_holds_few_jobs(line: Line) -> None:
    line.worker.gates["prepare"].clear()
    for _ in range(10):
        await line.add()
    await line.until(lambda: len(line.worker.inside["prepare"]) == PREPARING_AT_ONCE)
    assert line.queue.depth == 10
    line.worker.gates["prepare"].set()
    await line.all_done()


async def test_a_flood_of_one_owner_leaves_room_for_the_next(line: Line) -> None:
    await line.queue.set_flag(PAUSED, "lining up")
    flood = [await line.add("client:flooding") for _ in range(4)]
    late = await line.add("client:patient0")
    await line.all_queued(5)
    assert line.queue.position(late) == 2
    await line.queue.set_flag(PAUSED, None)
    await line.all_done()
    assert line.worker.ran == [flood[0], late, *flood[1:]]


async def test_a_held_queue_prepares_and_runs_nothing(line: Line) -> None:
    await line.queue.set_flag(PAUSED, "lunch")
    job_id = await line.add()
    await line.until(lambda: not line.worker.inside["prepare"] and line.queue.waiting == 1)
    assert line.worker.ran == []
    assert list(line.queue.refusals()) == []
    await line.queue.set_flag(PAUSED, None)
    await line.all_done()
    assert line.worker.ran == [job_id]


async def test_a_full_queue_says_so(tmp_path: Path) -> None:
    async with _line(tmp_path, max_depth=2) as line:
        line.worker.gates["run"].clear()
        for _ in range(2):
            await line.add()
        assert "2 of 2" in line.queue.refusals()[0]
        line.worker.gates["run"].set()
        await line.all_done()
        assert not line.queue.refusals()


async def test_dropping_a_job_stops_its_work_and_nobody_elses(line: Line) -> None:
    line.worker.gates["run"].clear()
    first = await line.add()
    await line.until(lambda: first in line.worker.inside["run"])
    second = await line.add()  # two are prepared at once, so either might have been the first
    await line.journal.apply(first, Change(to=JobStatus.CANCELLED))
    await line.queue.drop(first)
    assert first not in line.worker.inside["run"]
    await line.until(lambda: second in line.worker.inside["run"])
    line.worker.gates["run"].set()
    await line.all_done()


async def test_the_slot_is_free_while_results_are_stored(line: Line) -> None:
    line.worker.gates["finish"].clear()
    first, second = await line.add(), await line.add()
    await line.until(lambda: line.worker.inside["finish"] == {first, second})
    assert line.queue.running == 0
    line.worker.gates["finish"].set()
    await line.all_done()


async def test_a_closing_queue_starts_nothing(line: Line) -> None:
    line.queue.close()
    await line.add()
    await asyncio.sleep(0)
    assert line.queue.waiting == 1
    assert "shutting down" in line.queue.refusals()[0]


async def test_a_step_that_may_work_later_is_entered_again_and_stops_nobody(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jigdesk.services.queue.backoff_s", lambda _tries: 0.01)
    line.worker.troubles = 3
    jobs = {await line.add(), await line.add()}
    await line.all_done()
    assert set(line.worker.ran) == jobs
    assert len(line.worker.ran) == 5
