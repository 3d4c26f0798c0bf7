"""The queue is held in quiet hours, and goes on when they end, whatever the clock did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.quiet_hours import QuietHours
from jigdesk.services.queue import PAUSED, JobQueue
from jigdesk.services.quiet import LOOK_EVERY_S, QuietTimes
from tests.harness.waiting import eventually

NIGHT = QuietHours.parse(["22:00-07:00"])
UNTIL_7 = "Quiet hours until 07:00."


class Clock:
    """Shows what it is set to."""

    def __init__(self, text: str) -> None:
        self.now = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[JobQueue]:
    async with SqliteJournal.open(tmp_path / "journal.db") as journal:
        yield JobQueue(journal, concurrency=1, max_depth=10)


async def test_it_looks_again_at_each_change_and_now_and_then(queue: JobQueue) -> None:
    clock, told = Clock("2026-01-14T20:00"), []
    queue.on_change(lambda: told.append(queue.paused))
    times = QuietTimes(queue, NIGHT, clock, zone=UTC)
    assert times.look() == LOOK_EVERY_S
    assert queue.paused is None
    clock.now = datetime(2026, 1, 14, 21, 59, 50, tzinfo=UTC)
    assert times.look() == 10
    clock.now += timedelta(seconds=10)
    times.look()
    assert queue.paused == UNTIL_7
    assert queue.paused_until == datetime(2026, 1, 15, 7, tzinfo=UTC)
    assert not queue.refusals()  # new jobs are accepted
    times.look()
    clock.now = datetime(2026, 1, 15, 6, 59, 59, tzinfo=UTC)
    assert times.look() == 1
    clock.now += timedelta(seconds=1)
    times.look()
    assert queue.paused is None
    assert queue.paused_until is None
    assert told == [UNTIL_7, None]  # once each: a registration goes out for every one


async def test_a_machine_that_slept_or_a_clock_that_was_set_is_noticed(queue: JobQueue) -> None:
    clock = Clock("2026-01-14T23:00")
    running = asyncio.create_task(
        QuietTimes(queue, NIGHT, clock, zone=UTC, look_every_s=0.01).run()
    )
    await eventually(lambda: queue.paused is not None)
    clock.now = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    await eventually(lambda: queue.paused is None)
    clock.now = datetime(2026, 1, 15, 3, 0, tzinfo=UTC)
    await eventually(lambda: queue.paused == UNTIL_7)
    running.cancel()
    await asyncio.wait([running])


async def test_resumed_hours_hold_again_the_next_night(queue: JobQueue) -> None:
    clock = Clock("2026-01-14T23:00")
    times = QuietTimes(queue, NIGHT, clock, zone=UTC)
    times.look()
    await queue.set_flag(PAUSED, "lunch")
    assert queue.paused == f"lunch {UNTIL_7}"
    assert queue.paused_until is None  # nobody knows when the owner comes back
    queue.lift()
    assert queue.paused == "lunch"  # that is another word than theirs
    await queue.set_flag(PAUSED, None)
    assert queue.paused is None
    assert [(hold.by, hold.lifted) for hold in queue.holds] == [("quiet_hours", True)]
    times.look()
    clock.now += timedelta(hours=1)
    times.look()
    assert queue.paused is None
    clock.now += timedelta(hours=8)
    times.look()
    assert queue.holds == ()
    clock.now += timedelta(hours=15)
    times.look()
    assert queue.paused == UNTIL_7
