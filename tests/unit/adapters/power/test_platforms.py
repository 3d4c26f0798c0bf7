"""What keeps macOS and Windows awake, as far as it can be told on another platform."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import psutil
import pytest

from jigdesk.adapters.power.choice import NoLock, sleep_lock
from jigdesk.adapters.power.logind import LogindLock
from jigdesk.adapters.power.macos import CaffeinateLock
from jigdesk.adapters.power.windows import ES_CONTINUOUS, ES_SYSTEM_REQUIRED, ThreadLock
from tests.harness.waiting import eventually

CAFFEINATE = """#!/bin/sh
echo "$@" > "$0.args"
exec sleep 600
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """Stands for caffeinate: notes what it was called with, and stays."""
    if os.name != "posix":
        pytest.skip("it is a shell script")
    path = tmp_path / "caffeinate"
    path.write_text(CAFFEINATE)
    path.chmod(0o755)
    return path


def _children() -> list[psutil.Process]:
    return psutil.Process().children()


async def test_caffeinate_runs_while_it_is_held_and_is_told_whom_to_wait_for(
    program: Path,
) -> None:
    before = _children()
    lock = CaffeinateLock(str(program))
    assert (await lock.hold("work")).held
    args = program.with_name("caffeinate.args")
    await eventually(lambda: args.read_text() == f"-i -s -w {os.getpid()}\n")
    (child,) = set(_children()) - set(before)
    assert (await lock.hold("work")).held
    assert set(_children()) - set(before) == {child}
    child.send_signal(signal.SIGKILL)  # somebody ended it: the next one is a new one
    while not set(_children()) - set(before) - {child}:
        assert (await lock.hold("work")).held
        await asyncio.sleep(0.01)
    await lock.release()
    await lock.release()
    assert set(_children()) <= set(before)


async def test_a_mac_without_caffeinate_says_so(tmp_path: Path) -> None:
    lock = CaffeinateLock(str(tmp_path / "none"))
    state = await lock.hold("work")
    assert not state.held
    assert "none cannot be started" in state.says
    await lock.release()


async def test_windows_is_told_by_one_thread_that_lives_as_long() -> None:
    told: list[tuple[int, int]] = []

    def set_state(state: int) -> int:
        told.append((state, threading.get_ident()))
        return ES_CONTINUOUS

    lock = ThreadLock(set_state)
    assert (await lock.hold("work")).held
    assert (await lock.hold("work")).held
    assert [state for state, _ in told] == [ES_CONTINUOUS | ES_SYSTEM_REQUIRED]
    (thread,) = [t for t in threading.enumerate() if t.ident == told[0][1]]
    assert thread.name == "awake"
    await lock.release()
    assert told[1] == (ES_CONTINUOUS, told[0][1])
    assert not thread.is_alive()
    assert (await lock.hold("work")).held
    await lock.release()
    assert len(told) == 4


async def test_windows_may_refuse() -> None:
    lock = ThreadLock(lambda _: 0)
    state = await lock.hold("work")
    assert (state.held, state.says) == (False, "Windows refused (SetThreadExecutionState).")


async def test_each_platform_has_its_way() -> None:
    assert isinstance(sleep_lock("linux"), LogindLock)
    assert isinstance(sleep_lock("darwin"), CaffeinateLock)
    assert isinstance(sleep_lock("win32"), ThreadLock)
    other = sleep_lock("freebsd14")
    assert isinstance(other, NoLock)
    assert not (await other.hold("work")).held
    await other.release()
