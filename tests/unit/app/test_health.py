"""Health: every check answers in time, whatever it meets, and costs no more than it must."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from jigdesk.app import health as module
from jigdesk.app.health import Health, memory_check
from jigdesk.app.kept_check import KEEP_S
from jigdesk.domain.check import Check
from jigdesk.domain.errors import StoreUnavailable
from tests.harness.waiting import eventually


async def test_what_fails_and_what_hangs_are_answers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK_DEADLINE_S", 0.05)

    async def fails() -> Check:
        raise StoreUnavailable("The store is down.")

    async def hangs() -> Check:
        await asyncio.Event().wait()
        raise AssertionError

    health = Health()
    health.add("failing", fails)
    health.add("hanging", hangs)
    failing, hanging = await health.look()
    assert (failing.name, failing.level, failing.message) == (
        "failing",
        "error",
        "The store is down.",
    )
    assert (hanging.name, hanging.level) == ("hanging", "error")
    assert failing.remedy
    assert hanging.remedy


async def test_a_bug_in_a_check_is_logged_and_answered_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken() -> Check:
        raise ZeroDivisionError("a secret of the inside")

    async def good() -> Check:
        return Check("good", "ok", "…")

    health = Health()
    health.add("broken", broken)
    health.add("good", good)
    for _ in range(2):
        bad, well = await health.look()
        assert (bad.name, bad.level, well.level) == ("broken", "error", "ok")
        assert "ZeroDivisionError" in bad.message
        assert "inside" not in bad.message
        assert bad.remedy
    (record,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_the_memory_of_this_machine_is_read() -> None:
    health = Health()
    health.add("memory", memory_check())
    (memory,) = await health.look()
    assert memory.level in ("ok", "warning")


class Store:
    """A check that costs something: how often it was run, and what it says."""

    def __init__(self) -> None:
        self.runs = 0
        self.level = "ok"
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.was_cancelled = False

    async def check(self) -> Check:
        self.runs += 1
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return Check("store", self.level, f"run {self.runs}")


async def test_an_answer_that_cost_something_serves_a_while_and_a_bad_one_shortly() -> None:
    now_s, noon = 0.0, datetime(2026, 3, 1, 12, tzinfo=UTC)
    store, free = Store(), Store()
    health = Health(seconds=lambda: now_s, clock=lambda: noon + timedelta(seconds=now_s))
    health.add("store", store.check, keep_s=60)
    health.add("free", free.check)

    async def seen() -> tuple[str, str | None]:
        check, _ = await health.recent()
        return check.level, check.to_dict()["checked_at"]

    store.level = "error"
    assert await seen() == ("error", "2026-03-01T12:00:00.000Z")
    store.level = "ok"
    now_s = KEEP_S - 1
    assert await seen() == ("error", "2026-03-01T12:00:00.000Z")
    now_s = KEEP_S
    assert await seen() == ("ok", "2026-03-01T12:00:05.000Z")
    now_s = KEEP_S + 59
    assert await seen() == ("ok", "2026-03-01T12:00:05.000Z")
    assert (store.runs, free.runs) == (2, 4)  # what costs nothing is looked at each time
    await health.look()  # a look anew waits for nothing, and what it finds is kept
    assert store.runs == 3
    assert await seen() == ("ok", "2026-03-01T12:01:04.000Z")
    assert store.runs == 3


async def test_looks_at_the_same_time_share_one_run() -> None:
    store = Store()
    store.may_answer.clear()
    health = Health()
    health.add("store", store.check)
    looks = [asyncio.create_task(health.look()) for _ in range(3)]
    looks += [asyncio.create_task(health.recent())]
    await eventually(lambda: store.runs == 1)
    looks[0].cancel()  # who asked first may leave: the others wait for the same run
    await asyncio.wait(looks[:1])
    store.may_answer.set()
    assert [await look for look in looks[1:]] == [[Check("store", "ok", "run 1")]] * 3
    assert looks[0].cancelled()
    assert not store.was_cancelled


async def test_a_run_for_which_nobody_waits_any_more_ends() -> None:
    store = Store()
    store.may_answer.clear()
    health = Health()
    health.add("store", store.check)
    looks = [asyncio.create_task(health.look()) for _ in range(2)]
    await eventually(lambda: store.runs == 1)
    for look in looks:
        look.cancel()
    await asyncio.wait(looks)
    assert store.was_cancelled
    store.may_answer.set()
    assert [check.message for check in await health.look()] == ["run 2"]


async def test_an_error_is_looked_at_again_soon_and_a_good_answer_is_left_alone() -> None:
    store, told = Store(), list[str]()
    health = Health()
    health.add("store", store.check, keep_s=60)
    health.follow("store", lambda check: told.append(check.level))
    again = asyncio.create_task(health.recheck("store", 0))
    store.level = "error"
    await health.look()
    await eventually(lambda: store.runs > 3)
    store.level = "ok"
    await eventually(lambda: told[-1] == "ok")
    runs = store.runs
    for _ in range(20):
        await asyncio.sleep(0)
    assert store.runs == runs
    assert told == ["error"] * (runs - 1) + ["ok"]
    again.cancel()
    await asyncio.wait([again])
