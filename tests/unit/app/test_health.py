"""Health: every check answers in time, whatever it meets, and costs no more than it must."""

from __future__ import annotations

import asyncio
import logging

import pytest

from jigdesk.app import health as module
from jigdesk.app.health import Health, memory_check, now_and_then
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.ports import Check


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


async def test_a_good_answer_is_kept_a_while_and_a_bad_one_never() -> None:
    now_s, levels, asked = 0.0, ["error", "ok", "ok"], []

    async def check() -> Check:
        asked.append(now_s)
        return Check("x", levels[len(asked) - 1], "…")

    look = now_and_then(check, 60, lambda: now_s)
    assert (await look()).level == "error"
    assert (await look()).level == "ok"
    now_s = 59.0
    assert (await look()).level == "ok"
    assert asked == [0.0, 0.0]
    now_s = 61.0
    assert (await look()).level == "ok"
    assert asked == [0.0, 0.0, 61.0]
