"""The machine is kept awake through a real bus, by locks that no crash leaves behind."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from jigdesk.adapters.power import logind as module
from jigdesk.adapters.power.logind import LogindLock
from tests.fakes.logind import FakeLogind
from tests.harness.browser import refine
from tests.harness.pictures import photo
from tests.harness.process import desk_process
from tests.harness.waiting import eventually

pytestmark = [
    pytest.mark.realparts,
    pytest.mark.skipif(sys.platform != "linux", reason="systemd-logind is Linux's"),
]

FILES = {"photo.png": photo()}
SLOW = {"JIGDESK_DEMO_STEP_S": "0.2"}


async def test_a_lock_is_taken_once_and_let_go(logind: FakeLogind) -> None:
    lock = LogindLock()
    state = await lock.hold("Jobs are under way")
    assert (state.held, state.says) == (True, "The machine is kept awake by systemd-logind.")
    assert await lock.hold("again") == state
    (taken,) = logind.locks
    assert (taken.what, taken.who, taken.mode) == ("sleep:idle", "JigDesk", "block")
    assert taken.why == "Jobs are under way"
    assert not taken.released
    await lock.release()
    await eventually(lambda: taken.released)
    await lock.release()
    assert (await lock.hold("once more")).held
    assert len(logind.locks) == 2
    await lock.release()


async def test_no_child_inherits_a_lock(logind: FakeLogind) -> None:
    lock = LogindLock()
    await lock.hold("work")
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "input()"), stdin=asyncio.subprocess.PIPE, close_fds=False
    )
    await lock.release()
    await eventually(lambda: logind.held == [])
    await child.communicate(b"\n")


async def test_a_service_that_may_not_block_sleep_holds_off_idleness(logind: FakeLogind) -> None:
    logind.denies = {"sleep"}
    lock = LogindLock()
    state = await lock.hold("work")
    assert state.held
    assert "idleness" in state.says
    assert logind.held == ["idle"]
    await lock.release()
    logind.denies = {"sleep", "idle"}
    state = await lock.hold("work")
    assert (state.held, state.says) == (False, "systemd-logind refused (Permission denied).")
    assert len(logind.locks) == 1


@pytest.mark.usefixtures("bus")
async def test_a_bus_without_logind_is_a_reason_and_no_error() -> None:
    state = await LogindLock().hold("work")
    assert not state.held
    assert "org.freedesktop.login1" in state.says


@pytest.mark.parametrize("address", ["unix:path={folder}/none", "tcp:host=127.0.0.1", "nonsense"])
async def test_no_bus_is_a_reason_and_no_error(tmp_path: Path, address: str) -> None:
    lock = LogindLock(address.format(folder=tmp_path))
    state = await lock.hold("work")
    assert not state.held
    assert "D-Bus cannot be used" in state.says
    await lock.release()


async def test_a_bus_that_is_none_is_left_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute"))
        mute.listen()
        state = await LogindLock(f"unix:path={tmp_path / 'mute'}").hold("work")
    assert not state.held
    assert "D-Bus cannot be used" in state.says


async def test_a_logind_that_does_not_answer_is_left_in_time(
    logind: FakeLogind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_S", 0.2)
    logind.is_mute = True
    lock = LogindLock()
    state = await lock.hold("work")
    assert not state.held
    assert "no answer within 0.2 s" in state.says
    await lock.release()


async def test_the_desk_holds_it_while_a_job_is_here(tmp_path: Path, logind: FakeLogind) -> None:
    async with desk_process(tmp_path / "home", SLOW) as (_, browser):
        await eventually(lambda: len(logind.locks) == 1 and not logind.held)  # it was tried
        job_id = await browser.submit(refine(5), FILES)
        await eventually(lambda: logind.held == ["sleep:idle"])
        assert (await browser.watch(job_id, 300))[-1].name == "job_done"
        await eventually(lambda: not logind.held)
    assert len(logind.locks) == 2


async def test_a_desk_that_is_killed_leaves_none_and_its_successor_takes_one(
    tmp_path: Path, logind: FakeLogind
) -> None:
    async with desk_process(tmp_path / "home", SLOW) as (desk, browser):
        job_id = await browser.submit(refine(60), FILES)
        await eventually(lambda: logind.held == ["sleep:idle"])
        await desk.kill()
        await eventually(lambda: not logind.held)
        await desk.start()
        await eventually(lambda: logind.held == ["sleep:idle"])
        await browser.command(job_id, "cancel")
        await eventually(lambda: not logind.held)
        second = await browser.submit(refine(60), FILES)
        await eventually(lambda: logind.held == ["sleep:idle"])
        assert await desk.terminate() == 0
        await eventually(lambda: not logind.held)
        assert second


async def test_it_can_be_turned_off(tmp_path: Path, logind: FakeLogind) -> None:
    off = {"JIGDESK_QUEUE__KEEP_AWAKE": "never"}
    async with desk_process(tmp_path / "home", off) as (desk, browser):
        assert (await browser.watch(await browser.submit(refine(2), FILES), 300))[-1]
        assert logind.locks == []
        message = await _sleep_check(desk.home)
        assert message == "The machine may fall asleep (queue.keep_awake = never)."


async def test_the_doctor_of_a_stopped_desk_tries_it(tmp_path: Path, logind: FakeLogind) -> None:
    message = await _sleep_check(tmp_path / "home")
    assert message == "The machine can be kept awake while there is work."
    await eventually(lambda: [lock.released for lock in logind.locks] == [True])
    logind.denies = {"sleep", "idle"}
    message = await _sleep_check(tmp_path / "home")
    assert "cannot be kept awake" in message
    assert "Permission denied" in message


async def _sleep_check(home: Path) -> str:
    """What the doctor says of sleep; never more than a note."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jigdesk", "doctor", "--json"),
        env={
            **os.environ,
            "JIGDESK_HOME": str(home),
            "JIGDESK_COMFYUI__PORT": "0",
            "JIGDESK_SERVER__PUBLIC_PORT": "0",
            "JIGDESK_SERVER__LOCAL_PORT": "0",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    (check,) = [one for one in json.loads(out)["checks"] if one["name"] == "sleep"]
    assert check["level"] == "ok"
    return str(check["message"])
