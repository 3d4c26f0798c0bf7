"""EngineSupervisor with the demo engine and with small scripts that fail in every way."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from jigdesk.adapters.process.orphans import ChildRecord, read_record, write_record
from jigdesk.adapters.process.ports import port_owner
from jigdesk.adapters.process.supervisor import (
    EngineCommand,
    EngineState,
    EngineStatus,
    EngineSupervisor,
    Patience,
)
from jigdesk.domain.errors import EngineUnavailable
from jigdesk.domain.resources import MemoryUse
from tests.fakes.families import ROOT, eventually, living, script
from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S

QUICK = Patience(
    start_timeout_s=PATIENCE_S,
    stop_grace_s=2,
    first_backoff_s=0.01,
    max_backoff_s=0.05,
    max_crashes=5,
)


def demo_command(port: int, base: Path) -> EngineCommand:
    argv = (sys.executable, "-m", "jigdesk.demo", f"--port={port}", f"--base-directory={base}")
    return EngineCommand(argv, port, cwd=ROOT)


def answering(port: int) -> Callable[[], asyncio.Future[bool]]:
    async def ask() -> bool:
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.get(f"http://127.0.0.1:{port}/system_stats") as answer,
            ):
                return answer.status == 200
        except aiohttp.ClientError as refused:
            raise EngineUnavailable(str(refused)) from refused

    return ask  # type: ignore[return-value]


def popen(*args: Any, **options: Any) -> subprocess.Popen[Any]:
    return subprocess.Popen(*args, **options)


async def never() -> bool:
    return False


async def always() -> bool:
    return True


@asynccontextmanager
async def supervised(
    tmp_path: Path,
    command: EngineCommand,
    probe: Callable[[], object] = never,
    patience: Patience = QUICK,
    alive: Callable[[], object] | None = None,
) -> AsyncIterator[tuple[EngineSupervisor, list[EngineState]]]:
    supervisor = EngineSupervisor(
        lambda: command,
        probe,  # type: ignore[arg-type]
        alive=alive,  # type: ignore[arg-type]
        record=tmp_path / "engine.json",
        log_path=tmp_path / "engine.log",
        patience=patience,
    )
    states: list[EngineState] = []
    supervisor.subscribe(states.append)
    await supervisor.start()
    try:
        yield supervisor, states
    finally:
        await supervisor.stop()


async def test_starts_becomes_ready_and_stops_the_demo_engine(tmp_path: Path) -> None:
    port = free_port()
    command = demo_command(port, tmp_path)
    async with supervised(tmp_path, command, answering(port)) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        pid = supervisor.state.pid
        assert pid is not None
        owner = port_owner(port)
        assert owner is not None
        assert owner.pid == pid
        record = read_record(tmp_path / "engine.json")
        assert record is not None
        assert (record.pid, record.port) == (pid, port)
        assert any("listening on" in line for line in supervisor.last_lines())
        await supervisor.stop()
        assert living([pid]) == []
        assert port_owner(port) is None
        assert read_record(tmp_path / "engine.json") is None
    order = list(dict.fromkeys(state.status for state in states))
    assert order == [
        EngineStatus.STARTING,
        EngineStatus.READY,
        EngineStatus.STOPPING,
        EngineStatus.STOPPED,
    ]
    assert "listening on" in (tmp_path / "engine.log").read_text()


async def test_a_killed_engine_comes_back_with_its_reason_told(tmp_path: Path) -> None:
    port = free_port()
    command = demo_command(port, tmp_path)
    async with supervised(tmp_path, command, answering(port)) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await eventually(lambda: supervisor.state.restarts == 1)
        await supervisor.wait_ready(PATIENCE_S)
        assert supervisor.state.pid not in {None, first}
    restarting = next(state for state in states if state.status is EngineStatus.RESTARTING)
    assert "SIGKILL" in (restarting.reason or "")
    assert restarting.last_exit is not None
    assert restarting.last_exit.signal == signal.SIGKILL
    assert restarting.pid is None


async def test_the_memory_just_before_its_end_is_told(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script("raise SystemExit(3)")), free_port())
    used = MemoryUse(15 * 2**30, 16 * 2**30, ((23 * 2**30, 24 * 2**30),))
    supervisor = EngineSupervisor(
        lambda: command, never, record=tmp_path / "e.json", patience=QUICK, memory=lambda: used
    )
    await supervisor.start()
    await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
    state = supervisor.state
    await supervisor.stop()
    assert state.last_exit is not None
    assert state.last_exit.memory == used
    words = "15.0 of 16.0 GiB of RAM and 23.0 of 24.0 GiB of VRAM in use just before"
    assert words in (state.reason or "")
    assert words in str(state.last_exit)


async def test_five_crashes_in_a_row_are_enough(tmp_path: Path) -> None:
    code = "import sys; sys.exit('ModuleNotFoundError: No module named torch')"
    command = EngineCommand(tuple(script(code)), free_port())
    async with supervised(tmp_path, command) as (supervisor, states):
        await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
        state = supervisor.state
        with pytest.raises(EngineUnavailable, match="No module named torch"):
            await supervisor.wait_ready(1)
        # The owner may try again, with a clean record.
        await supervisor.restart()
        assert supervisor.state.status is EngineStatus.STARTING
        assert supervisor.state.restarts == 0
    assert state.restarts == 4
    assert state.reason is not None
    assert state.reason.startswith("5 crashes in a row: exit status 1")
    assert "No module named torch" in state.reason
    assert state.last_exit is not None
    assert state.last_exit.last_lines == ("ModuleNotFoundError: No module named torch",)
    assert state.pid is None
    assert [each.status for each in states].count(EngineStatus.RESTARTING) >= 4


async def test_a_healthy_while_forgives_earlier_crashes(tmp_path: Path) -> None:
    patience = replace(QUICK, max_backoff_s=0.01, max_crashes=2, healthy_after_s=0)
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command, always, patience) as (supervisor, _):
        for restarts in range(3):
            await eventually(lambda count=restarts: supervisor.state.restarts == count)
            await supervisor.wait_ready(PATIENCE_S)
            assert supervisor.state.pid is not None
            os.kill(supervisor.state.pid, signal.SIGKILL)
        await eventually(lambda: supervisor.state.restarts == 3)
        assert supervisor.state.status is not EngineStatus.FAILED


@pytest.mark.parametrize("code", ["raise SystemExit(1)", "import time; time.sleep(600)"])
async def test_a_run_that_was_never_ready_forgives_nothing(tmp_path: Path, code: str) -> None:
    """However long the start took: here every while, even none at all, counts as healthy."""
    patience = Patience(
        start_timeout_s=0.3,
        stop_grace_s=1,
        first_backoff_s=0.01,
        max_backoff_s=0.01,
        max_crashes=3,
        healthy_after_s=0,
    )
    command = EngineCommand(tuple(script(code)), free_port())
    async with supervised(tmp_path, command, never, patience) as (supervisor, _):
        await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
        assert supervisor.state.restarts == 2
        assert (supervisor.state.reason or "").startswith("3 crashes in a row: ")


async def test_an_engine_that_never_answers_is_started_again(tmp_path: Path) -> None:
    patience = Patience(start_timeout_s=0.3, first_backoff_s=0.01, max_crashes=2, stop_grace_s=1)
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command, never, patience) as (supervisor, states):
        await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
        assert "did not answer within 0.3 s" in (supervisor.state.reason or "")
    pids = {state.pid for state in states if state.pid is not None}
    assert len(pids) == 2
    assert living(pids) == []


async def test_a_kick_starts_a_stalled_engine_again(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command, always) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        supervisor.kick("no event for 300 s")
        await eventually(lambda: supervisor.state.restarts == 1)
        await supervisor.wait_ready(PATIENCE_S)
        assert supervisor.state.pid != first
    reasons = [state.reason for state in states if state.status is EngineStatus.RESTARTING]
    assert reasons == ["no event for 300 s"]


async def test_a_kicked_engine_is_not_ready_while_it_takes_its_time_to_end(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print('deaf', flush=True); time.sleep(600)"
    )
    command = EngineCommand(tuple(script(deaf)), free_port())
    async with supervised(tmp_path, command, always) as (supervisor, _):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        assert first is not None
        await eventually(lambda: supervisor.last_lines() == ("deaf",))
        supervisor.kick("stuck")
        await eventually(lambda: supervisor.state.status is EngineStatus.STOPPING)
        assert living([first]) == [first]
        await supervisor.wait_ready(PATIENCE_S)
        assert supervisor.state.pid != first
        assert living([first]) == []


async def test_two_restarts_at_once_start_one_engine(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command, always) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        states.clear()
        await asyncio.gather(supervisor.restart(), supervisor.restart())
        await supervisor.wait_ready(PATIENCE_S)
        running = supervisor.state.pid
        await supervisor.stop()
        assert supervisor.state.status is EngineStatus.STOPPED
        started = {state.pid for state in states if state.pid is not None}
        assert running in started
        assert living(started) == []
    tasks = {task.get_name() for task in asyncio.all_tasks()}
    assert "engine-supervisor" not in tasks


async def test_a_stop_after_a_restart_that_is_under_way_has_the_last_word(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command, always) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        await asyncio.gather(supervisor.restart(), supervisor.stop())
        assert supervisor.state.status is EngineStatus.STOPPED
        assert living({state.pid for state in states if state.pid is not None}) == []
        assert "engine-supervisor" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_a_held_port_is_named_and_not_moved_away_from(tmp_path: Path) -> None:
    code = (
        "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen();"
        "print(s.getsockname()[1]); time.sleep(600)"
    )
    with popen(script(code), stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        port = int(await asyncio.to_thread(holder.stdout.readline))
        try:
            command = demo_command(port, tmp_path)
            async with supervised(tmp_path, command, answering(port)) as (supervisor, states):
                await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
                state = supervisor.state
        finally:
            holder.kill()
    assert state.port_owner is not None
    assert state.port_owner.pid == holder.pid
    assert f"Port {port} is held by process {holder.pid}" in (state.reason or "")
    assert "import socket" in (state.reason or "")
    assert all(each.pid is None for each in states)  # nothing was started at all


async def test_an_answer_from_somebody_elses_process_is_not_ready(tmp_path: Path) -> None:
    """Another program takes the port while the engine still imports, and answers (trap 8)."""
    port = free_port()
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), port)
    answers = asyncio.Event()

    async def probe() -> bool:
        return answers.is_set()

    async with supervised(tmp_path, command, probe) as (supervisor, states):
        await eventually(lambda: supervisor.state.pid is not None)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            listener.listen()
            answers.set()
            await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
    assert EngineStatus.READY not in {state.status for state in states}
    failed = next(state for state in states if state.status is EngineStatus.FAILED)
    assert f"held by process {os.getpid()}" in (failed.reason or "")


async def test_an_orphan_of_ours_is_ended_before_the_port_is_bound(tmp_path: Path) -> None:
    port = free_port()
    argv = demo_command(port, tmp_path).argv
    with popen(argv, cwd=ROOT, start_new_session=True, stdout=subprocess.PIPE) as orphan:
        assert orphan.stdout is not None
        await asyncio.to_thread(orphan.stdout.readline)
        created = psutil.Process(orphan.pid).create_time()
        write_record(tmp_path / "engine.json", ChildRecord(orphan.pid, created, port, argv, "none"))
        command = demo_command(port, tmp_path)
        async with supervised(tmp_path, command, answering(port)) as (supervisor, _):
            await supervisor.wait_ready(PATIENCE_S)
            assert supervisor.state.pid != orphan.pid
            assert living([orphan.pid]) == []


async def test_a_stop_in_the_middle_of_a_backoff_is_at_once(tmp_path: Path) -> None:
    patience = Patience(first_backoff_s=600, max_backoff_s=600)
    command = EngineCommand(tuple(script("raise SystemExit(1)")), free_port())
    async with supervised(tmp_path, command, patience=patience) as (supervisor, _):
        await eventually(lambda: supervisor.state.status is EngineStatus.RESTARTING)
        began = time.monotonic()
        await supervisor.stop()
        assert time.monotonic() - began < PATIENCE_S
        assert supervisor.state.status is EngineStatus.STOPPED


async def test_a_command_that_cannot_be_started_fails_at_once(tmp_path: Path) -> None:
    command = EngineCommand(("/no/such/python", "main.py"), free_port())
    async with supervised(tmp_path, command) as (supervisor, _):
        await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
        assert "Cannot start /no/such/python" in (supervisor.state.reason or "")
        assert supervisor.state.restarts == 0


async def test_wait_ready_has_a_deadline(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script("import time; time.sleep(600)")), free_port())
    async with supervised(tmp_path, command) as (supervisor, _):
        with pytest.raises(EngineUnavailable, match=r"not ready after 0\.1 s"):
            await supervisor.wait_ready(0.1)
