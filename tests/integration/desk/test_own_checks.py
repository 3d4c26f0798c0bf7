"""The checks of the desk's own parts, in a desk that runs."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

import pytest

from jigdesk.adapters.journal import database
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.app.health import Health
from jigdesk.app.own_checks import HOT_C, gpu_check, written_check
from jigdesk.domain.check import Check
from jigdesk.domain.clock import from_rfc3339
from jigdesk.domain.resources import GpuSample
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.desk.conftest import Desk, running_desk


async def _check(desk: Desk, name: str) -> Check:
    return next(check for check in await desk.core.control.health() if check.name == name)


async def test_a_desk_that_is_well_says_so(desk: Desk) -> None:
    for name in ("journal", "listener", "gpu"):
        assert (await _check(desk, name)).level == "ok"
    assert "CPU" in (await _check(desk, "gpu")).message


async def test_a_listener_that_ended_is_an_error(desk: Desk) -> None:
    await desk.core.listeners.public.stop()
    check = await _check(desk, "listener")
    assert (check.level, check.remedy) == ("error", "Start JigDesk again.")
    assert desk.core.listeners.public.url in check.message


async def test_a_journal_that_takes_no_write_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    health = Health()
    path = tmp_path / "journal.db"
    async with SqliteJournal.open(path) as journal:
        health.add("journal", written_check(journal))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            (locked,) = await health.look()
        assert (locked.level, "locked" in locked.message) == ("error", True)
        assert [check.level for check in await health.look()] == ["ok"]


async def test_a_journal_that_takes_no_write_closes_the_intake_until_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.01)
    async with running_desk(tmp_path / "home") as desk:
        ready = f"{desk.core.public_url_local}/readyz"
        journal = desk.core.settings.paths.journal
        with contextlib.closing(sqlite3.connect(journal, isolation_level=None)) as other:
            async with asyncio.timeout(PATIENCE_S):
                await _locked(other)
            await desk.core.health.look()  # as it is done each minute
            async with desk.browser.http.get(ready) as answer:
                assert answer.status == 503
                reasons = (await answer.json())["reasons"]
            assert reasons == ["The host's journal takes no writes."]
            host = f"hosts/{desk.core.host_id}.json"
            await eventually(lambda: desk.document(host)["accepting"] is False)
            other.execute("ROLLBACK")
        await eventually(lambda: not desk.core.work.intake.refusals())  # nobody looks
        async with desk.browser.http.get(ready) as answer:
            assert answer.status == 200
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        await desk.reached(job_id, "completed")


async def _locked(other: sqlite3.Connection) -> None:
    """Hold the journal's lock; the desk may be writing just now."""
    while True:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            await asyncio.sleep(0.01)
        else:
            return


async def test_the_control_api_says_when_each_check_was_made(desk: Desk) -> None:
    """What costs requests is not done again for each who looks, and is when it is asked for."""
    first = await _checked_at(desk)
    async with asyncio.timeout(PATIENCE_S):  # the desk may look by itself just between the two
        while (second := await _checked_at(desk))["urls"] != first["urls"]:
            first = second
    assert first.keys() == second.keys()
    assert all(from_rfc3339(first[name]) <= from_rfc3339(second[name]) for name in first)
    assert first["queue"] < second["queue"]
    await desk.core.health.look()
    third = await _checked_at(desk)
    assert all(third[name] > second[name] for name in ("urls", "store", "queue"))


async def _checked_at(desk: Desk) -> dict[str, str]:
    token = {"Authorization": f"Bearer {desk.core.control_token}"}
    url = f"{desk.core.local_url}/control/health"
    async with desk.browser.http.get(url, headers=token) as answer:
        return {one["name"]: one["checked_at"] for one in (await answer.json())["checks"]}


async def test_a_hot_gpu_is_a_warning_with_its_figures(desk: Desk) -> None:
    sampler = desk.core.resources
    card = GpuSample("RTX 4090", 1.0, 20_000_000_000, 24_000_000_000, HOT_C)
    sampler.tell_gpus((card,))
    look = gpu_check(sampler)
    await eventually(lambda: sampler.latest is not None and sampler.latest.gpus == (card,))
    check = await look()
    assert check.level == "warning"
    assert check.message == "RTX 4090: 20.0 of 24 GB in use, 88 °C."
    assert check.remedy


async def test_what_changes_is_logged_though_nobody_looks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    levels = ["ok", "error", "error", "ok"]
    seen_all = asyncio.Event()
    health = Health()

    async def check() -> Check:
        if not levels:
            seen_all.set()
            return Check("store", "ok", "…")
        level = levels.pop(0)
        if level == "error":
            raise ZeroDivisionError  # a bug in a check does not end the watch
        return Check("store", level, "…")

    health.add("store", check)
    with caplog.at_level(logging.INFO, "jigdesk.app.health"):
        watching = asyncio.create_task(health.watch(0))
        async with asyncio.timeout(PATIENCE_S):
            await seen_all.wait()
        watching.cancel()
        await asyncio.wait([watching])
    assert watching.cancelled()
    changes = [record.getMessage() for record in caplog.records if not record.exc_info]
    assert [change.partition(": This")[0] for change in changes] == [
        "health: store is error",
        "health: store is ok: …",
    ]
