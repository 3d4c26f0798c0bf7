"""The order in which one job's stages run, with few slots and with many."""

from __future__ import annotations

import asyncio

import pytest

from jigdesk.domain.plan import PlannedStage
from jigdesk.services.stages import Schedule
from tests.harness.waiting import PATIENCE_S


class Slots:
    """Spare slots that are counted; `free` of them."""

    def __init__(self, free: int) -> None:
        self.semaphore = asyncio.Semaphore(free)
        self.out = 0
        self.most = 0

    async def spare_slot(self) -> None:
        await self.semaphore.acquire()
        self.out += 1
        self.most = max(self.most, self.out)

    def give_back_slot(self) -> None:
        self.out -= 1
        self.semaphore.release()


class Stages:
    """Stages that run until they are let go; notes who ran beside whom."""

    def __init__(self, **depends: tuple[str, ...]) -> None:
        self.plan = [
            PlannedStage(name, place, "w", "0", {}, {}, needs)
            for place, (name, needs) in enumerate(depends.items())
        ]
        self.running: list[str] = []
        self.done: list[str] = []
        self.cancelled: list[str] = []
        self.changed = asyncio.Event()
        self._gates = {name: asyncio.Event() for name in depends}

    async def run(self, stage: PlannedStage) -> None:
        assert set(stage.depends_on) <= set(self.done)
        self.running.append(stage.name)
        self.changed.set()
        try:
            await self._gates[stage.name].wait()
        except asyncio.CancelledError:
            self.cancelled.append(stage.name)
            raise
        finally:
            self.running.remove(stage.name)
        if stage.name.startswith("bad"):
            raise ValueError(stage.name)
        self.done.append(stage.name)

    def end(self, name: str) -> None:
        self._gates[name].set()

    async def until(self, *running: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while sorted(self.running) != sorted(running):
                self.changed.clear()
                await self.changed.wait()


DIAMOND = {"first": (), "left": ("first",), "right": ("first",), "join": ("left", "right")}


async def test_with_one_slot_they_run_in_order() -> None:
    stages, slots = Stages(**DIAMOND), Slots(0)
    running = asyncio.create_task(Schedule(stages.plan, stages.run, slots).run())
    for name in DIAMOND:
        await stages.until(name)
        stages.end(name)
    await running
    assert stages.done == list(DIAMOND)
    assert slots.most == 0


async def test_with_spare_slots_they_run_side_by_side() -> None:
    stages, slots = Stages(**DIAMOND), Slots(5)
    running = asyncio.create_task(Schedule(stages.plan, stages.run, slots).run())
    await stages.until("first")
    assert slots.out == 0  # nothing else is ready: none is taken
    stages.end("first")
    await stages.until("left", "right")
    assert slots.out == 1
    stages.end("left")
    stages.end("right")
    await stages.until("join")
    stages.end("join")
    await running
    assert (slots.most, slots.out) == (1, 0)


async def test_a_slot_that_comes_late_is_used() -> None:
    stages, slots = Stages(a=(), b=(), c=()), Slots(0)
    running = asyncio.create_task(Schedule(stages.plan, stages.run, slots).run())
    await stages.until("a")
    slots.semaphore.release()
    await stages.until("a", "b")
    stages.end("a")
    await stages.until("b", "c")
    for name in ("b", "c"):
        stages.end(name)
    await running
    assert slots.out == 0
    assert slots.semaphore._value == 1


async def test_a_failure_stops_the_others_and_gives_every_slot_back() -> None:
    stages, slots = Stages(bad=(), good=(), last=("good",)), Slots(3)
    running = asyncio.create_task(Schedule(stages.plan, stages.run, slots).run())
    await stages.until("bad", "good")
    stages.end("bad")
    with pytest.raises(ValueError, match="bad"):
        await running
    assert stages.cancelled == ["good"]
    assert (stages.done, slots.out) == ([], 0)


async def test_cancelled_it_leaves_nothing_running() -> None:
    stages, slots = Stages(a=(), b=(), c=()), Slots(1)
    running = asyncio.create_task(Schedule(stages.plan, stages.run, slots).run())
    await stages.until("a", "b")  # and one more slot is asked for
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(stages.cancelled) == ["a", "b"]
    assert slots.out == 0
    assert slots.semaphore._value == 1
