from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.services.watch_marks import LOOK_EVERY_S, WatchMarks
from lambdas.jobs_api.watching import StoreWatching
from tests.fakes.lambda_parts import JOB, OTHER
from tests.fakes.memory_store import MemoryStore
from tests.fakes.store_desk import StoreDesk, store_desk

MARK = keys.watching_key(JOB)


@dataclass
class Watched:
    """A desk's marks and the jobs API on the other side of one store; time is the test's."""

    desk: StoreDesk
    now_s: float = 1000.0
    asked: Counter[str] = field(default_factory=Counter)
    down: bool = False

    def __post_init__(self) -> None:
        self.marks = WatchMarks(self.desk.journal, self.desk.store, lambda: self.now_s)
        self.lambda_asks = StoreWatching(self.memory, self.desk.clock)
        self.memory.before = self._count

    @property
    def memory(self) -> MemoryStore:
        return self.desk.memory

    def _count(self, operation: str, _key: str) -> None:
        self.asked[operation] += 1
        if self.down:
            raise StoreUnavailable("down")

    def forward(self, seconds: float) -> None:
        self.now_s += seconds
        self.desk.clock.forward(seconds=seconds)

    async def look(self) -> list[str]:
        return [job_id async for job_id in self.marks.look()]

    async def frame(self, job_id: str = JOB) -> list[str]:
        """A preview frame comes; the jobs that turn out to be looked at."""
        return await self.look() if self.marks.frame_came(job_id) else []


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with store_desk(tmp_path) as desk:
        yield Watched(desk)


async def test_who_asks_is_heard_at_the_next_look(watched: Watched) -> None:
    assert await watched.frame() == []
    assert json.loads(watched.memory.get(MARK, 4096)[0]) == {
        "version": 1,
        "job_id": JOB,
        "asked_at": None,
    }
    watched.lambda_asks(JOB)
    watched.forward(LOOK_EVERY_S - 0.1)
    assert await watched.frame() == []  # too soon
    watched.forward(0.2)
    assert await watched.frame() == [JOB]
    watched.forward(LOOK_EVERY_S)
    assert await watched.frame() == []  # that was heard already
    watched.forward(LOOK_EVERY_S)
    watched.lambda_asks(JOB)
    assert await watched.frame() == [JOB]


async def test_what_it_costs_while_nobody_looks(watched: Watched) -> None:
    for _ in range(600):  # a minute of ten frames a second
        await watched.frame()
        watched.forward(0.1)
    assert watched.asked["put"] == 1
    assert watched.asked["head"] <= 60 / LOOK_EVERY_S
    assert set(watched.asked) == {"put", "head"}


async def test_no_frame_no_request(watched: Watched) -> None:
    await watched.marks.begin()
    watched.marks.forget(JOB)
    assert await watched.look() == []
    assert watched.marks.look_again_s is None
    assert watched.asked == {}


async def test_a_job_that_runs_no_more_leaves_no_mark(watched: Watched) -> None:
    await watched.frame()
    await watched.frame(OTHER)
    watched.marks.forget(JOB)
    await watched.look()
    assert watched.memory.all_keys() == [keys.watching_key(OTHER)]
    watched.lambda_asks(JOB)  # a late page brings nothing back
    assert watched.memory.all_keys() == [keys.watching_key(OTHER)]
    assert await watched.frame() == []  # its next attempt
    assert MARK in watched.memory.all_keys()


async def test_a_mark_that_could_not_be_removed_is_removed_later(watched: Watched) -> None:
    await watched.frame()
    watched.marks.forget(JOB)
    watched.down = True
    await watched.look()
    assert watched.marks.look_again_s is not None
    watched.down = False
    await watched.look()
    assert watched.memory.all_keys() == []
    assert watched.marks.look_again_s is None


async def test_a_store_that_is_away_is_asked_again_at_the_same_pace(watched: Watched) -> None:
    watched.down = True
    for _ in range(20):
        assert await watched.frame() == []
        watched.forward(1)
    assert sum(watched.asked.values()) == 20 / LOOK_EVERY_S
    watched.down = False
    await watched.frame()
    watched.lambda_asks(JOB)
    watched.forward(LOOK_EVERY_S)
    assert await watched.frame() == [JOB]


async def test_a_mark_that_somebody_tidied_up_is_made_again(watched: Watched) -> None:
    await watched.frame()
    watched.memory.delete([MARK])
    watched.forward(LOOK_EVERY_S)
    assert await watched.frame() == []
    watched.lambda_asks(JOB)
    watched.forward(LOOK_EVERY_S)
    assert await watched.frame() == [JOB]


async def test_marks_of_an_earlier_life_go(watched: Watched) -> None:
    arrival = Arrival(OTHER, "jig-react", None)
    job = (await watched.desk.journal.accept(arrival, Change())).job
    watched.memory.put(keys.watching_key(job.job_id), b"{}")
    watched.memory.put(MARK, b"{}")  # not of this desk
    await watched.marks.begin()
    await watched.look()
    assert keys.watching_key(job.job_id) not in watched.memory.all_keys()
    assert MARK in watched.memory.all_keys()
