"""The registration: renewed, right by the store's clock, and mended when somebody removes it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.host import REGISTRATION_TTL_S, HostRegistration, newest_first, parse_host
from jigdesk.services.register import INTERVAL_S, WORKFLOWS_LOOKED_AT, Registration
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.harness.waiting import PATIENCE_S, eventually

HOST = keys.host_key("desk-1")
WORKFLOWS = keys.host_workflows_key("desk-1")
NEVER_S = 10 * PATIENCE_S


class Registered:
    """A desk that registers in a store whose clock is its own."""

    def __init__(self, desk: StoreDesk, store_clock: TickingClock) -> None:
        self.desk = desk
        self.store_clock = store_clock

    def host(self) -> HostRegistration:
        """What stands in the store; raises KeyError while nothing does."""
        if HOST not in self.desk.memory.all_keys():
            raise KeyError(HOST)
        return parse_host(self.desk.memory.get(HOST, 1 << 16)[0])

    def is_right(self) -> bool:
        """Whether a Lambda, which goes by the store's clock, finds it fresh just as long as due."""
        now, host = self.store_clock(), self.host()
        due = timedelta(seconds=REGISTRATION_TTL_S)
        return (
            newest_first([host], now + due - timedelta(seconds=3)) == (host,)
            and newest_first([host], now + due + timedelta(seconds=3)) == ()
        )


@asynccontextmanager
async def registered(
    folder: Path,
    *,
    ahead: timedelta = timedelta(0),
    interval_s: float = NEVER_S,
    workflows: list[dict[str, Any]] | None = None,
) -> AsyncIterator[Registered]:
    """A desk that registers every `interval_s` in a store that is `ahead` of it."""
    store_clock = TickingClock(TickingClock()() + ahead)
    async with store_desk(folder, MemoryStore(store_clock)) as desk:
        registration = Registration(
            desk.store,
            desk.queue,
            "desk-1",
            public_url=lambda: "https://desk.example",
            workflows=lambda: workflows or [],
            clock=desk.clock,
            interval_s=interval_s,
        )
        task = asyncio.create_task(registration.run())
        try:
            yield Registered(desk, store_clock)
        finally:
            task.cancel()
            await asyncio.wait([task])
        assert HOST not in desk.memory.all_keys()  # a clean stop leaves


async def test_it_is_renewed_before_it_expires(tmp_path: Path) -> None:
    assert INTERVAL_S == 30
    assert 2 * INTERVAL_S < REGISTRATION_TTL_S  # two in a row may be lost
    async with registered(tmp_path, interval_s=0.05) as seen:
        await eventually(seen.is_right)
        for _ in range(3):
            until = seen.host().expires_at
            for clock in (seen.desk.clock, seen.store_clock):
                clock.forward(seconds=30)
            later = until + timedelta(seconds=30)
            await eventually(lambda later=later: seen.host().expires_at == later)


@pytest.mark.parametrize("hours", [1, -1])
async def test_it_is_right_at_once_where_the_clocks_differ(tmp_path: Path, hours: int) -> None:
    async with registered(tmp_path, ahead=timedelta(hours=hours)) as seen:
        await eventually(seen.is_right)  # with no renewal: that would take NEVER_S


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_while_the_desk_runs_is_noticed(
    tmp_path: Path, hours: int
) -> None:
    async with registered(tmp_path, interval_s=0.05) as seen:
        await eventually(seen.is_right)
        seen.desk.clock.forward(hours=hours)
        await eventually(seen.is_right)


@pytest.mark.parametrize("ahead_s", [0.0, 0.9, -0.9, 2.5, -2.5])
async def test_a_small_difference_costs_no_second_write(tmp_path: Path, ahead_s: float) -> None:
    async with registered(tmp_path, ahead=timedelta(seconds=ahead_s)) as seen:
        await eventually(lambda: WORKFLOWS in seen.desk.memory.all_keys())
        assert seen.desk.asked["put"] == 2
        assert seen.is_right()


async def test_whole_seconds_are_no_difference(tmp_path: Path) -> None:
    """S3 says when it wrote in whole seconds, which are up to one too early."""
    clock = TickingClock()

    def whole() -> datetime:
        return clock().replace(microsecond=0)

    async with store_desk(tmp_path, MemoryStore(whole)) as desk:
        desk.clock.forward(milliseconds=999)
        clock.forward(milliseconds=999)
        registration = Registration(
            desk.store,
            desk.queue,
            "desk-1",
            public_url=lambda: None,
            workflows=list,
            clock=desk.clock,
            interval_s=NEVER_S,
        )
        task = asyncio.create_task(registration.run())
        await eventually(lambda: WORKFLOWS in desk.memory.all_keys())
        host = parse_host(desk.memory.get(HOST, 1 << 16)[0])
        assert host.expires_at == clock() + timedelta(seconds=REGISTRATION_TTL_S)
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("change", ["removed", "overwritten"])
async def test_workflows_that_somebody_removes_or_changes_are_written_again(
    tmp_path: Path, change: str
) -> None:
    offered = [{"name": "blur"}]
    async with registered(tmp_path, interval_s=0.02, workflows=offered) as seen:
        memory, asked = seen.desk.memory, seen.desk.asked

        def is_whole() -> bool:
            found = json.loads(memory.get(WORKFLOWS, 1 << 16)[0])
            return bool(found == {"version": 1, "workflows": offered})

        await eventually(lambda: WORKFLOWS in memory.all_keys())
        if change == "removed":
            memory.delete([WORKFLOWS])
        else:
            memory.put(WORKFLOWS, b"{}")
        await eventually(lambda: WORKFLOWS in memory.all_keys() and is_whole())
        # looking costs a tenth of what the renewals cost
        assert asked["head"] <= asked["put"] / WORKFLOWS_LOOKED_AT + 1
