"""An engine that is ready and hangs is started again; one that is slow, or held, is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from jigdesk.adapters.process.supervisor import EngineCommand, EngineStatus
from tests.fakes.families import eventually, living, script
from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S
from tests.integration.process.test_supervisor import (
    QUICK,
    always,
    answering,
    demo_command,
    never,
    popen,
    supervised,
)

SLEEPS = "import time; time.sleep(600)"
SLOW = """
import http.server, sys, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(2)
        self.send_response(200)
        self.end_headers()
        print("answered", flush=True)
http.server.HTTPServer(("127.0.0.1", {port}), Slow).serve_forever()
"""
TRACER = """
import ctypes, os, sys, time
libc, pid = ctypes.CDLL(None, use_errno=True), int(sys.argv[1])
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, pid, None, None) != 0:  # PTRACE_ATTACH
    print("refused:", os.strerror(ctypes.get_errno()), flush=True)
    sys.exit(1)
os.waitpid(pid, 0)
print("attached", flush=True)
sys.stdin.read()
"""


async def test_a_frozen_engine_is_started_again(tmp_path: Path) -> None:
    port = free_port()
    command = demo_command(port, tmp_path)
    patience = replace(QUICK, stall_timeout_s=6)
    async with supervised(tmp_path, command, answering(port), patience) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await eventually(lambda: supervisor.state.restarts == 1)
        assert living([first]) == []
        await supervisor.wait_ready(PATIENCE_S)
        assert supervisor.state.pid != first
        assert supervisor.state.reason is None
        assert "(by the desk: It hung: " in str(supervisor.state.last_exit)
    said = [state.reason for state in states if state.pid == first and state.reason]
    assert said[0] == "It does not answer, though its process runs; after 6 s it is restarted."
    restarting = next(state for state in states if state.status is EngineStatus.RESTARTING)
    assert restarting.reason == "It hung: its process ran and answered nothing for 6 s."


async def test_one_that_thaws_in_time_is_left_alone(tmp_path: Path) -> None:
    port = free_port()
    command = demo_command(port, tmp_path)
    patience = replace(QUICK, stall_timeout_s=20)
    async with supervised(tmp_path, command, answering(port), patience) as (supervisor, states):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        await eventually(lambda: supervisor.state.reason)
        assert supervisor.state.status is EngineStatus.READY
        assert (supervisor.silent_s or 0) >= 10
        os.kill(first, signal.SIGCONT)
        await eventually(lambda: supervisor.state.reason is None)
        assert (supervisor.state.pid, supervisor.state.restarts) == (first, 0)
        assert (supervisor.silent_s or 0) < 10
    assert EngineStatus.RESTARTING not in {state.status for state in states}


async def test_a_slow_engine_that_answers_is_left_alone(tmp_path: Path) -> None:
    """Each answer takes a quarter of the time after which an engine counts as hanging."""
    port = free_port()
    command = EngineCommand(tuple(script(SLOW.format(port=port))), port)
    patience = replace(QUICK, stall_timeout_s=8)
    async with supervised(tmp_path, command, answering(port), patience) as (supervisor, states):
        await eventually(lambda: supervisor.last_lines().count("answered") >= 6)
        assert supervisor.state.status is EngineStatus.READY
        assert supervisor.state.restarts == 0
    assert len({state.pid for state in states if state.pid is not None}) == 1


async def test_an_engine_that_hangs_again_and_again_is_given_up(tmp_path: Path) -> None:
    """The time in which it hung is none in which it was healthy."""
    command = EngineCommand(tuple(script(SLEEPS)), free_port())
    patience = replace(QUICK, stall_timeout_s=2, healthy_after_s=1, max_crashes=2)
    async with supervised(tmp_path, command, always, patience, alive=never) as (supervisor, _):
        await eventually(lambda: supervisor.state.status is EngineStatus.FAILED)
        assert (supervisor.state.reason or "").startswith("2 crashes in a row: It hung: ")


async def test_an_engine_that_a_debugger_holds_is_left_alone(tmp_path: Path) -> None:
    command = EngineCommand(tuple(script(SLEEPS)), free_port())
    patience = replace(QUICK, stall_timeout_s=2)
    may_answer = asyncio.Event()
    asked = 0

    async def alive() -> bool:
        nonlocal asked
        asked += 1
        return may_answer.is_set()

    may_answer.set()
    async with supervised(tmp_path, command, always, patience, alive=alive) as (supervisor, _):
        await supervisor.wait_ready(PATIENCE_S)
        first = supervisor.state.pid
        tracer = [*script(TRACER), str(first)]
        with popen(tracer, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as debugger:
            assert debugger.stdout is not None
            said = await asyncio.to_thread(debugger.stdout.readline)
            if said != "attached\n":
                pytest.skip(f"this user may not trace a process: {said}")
            may_answer.clear()
            asked = 0
            # every half second: three times as long as it takes to be found hanging
            await eventually(lambda: asked > 12)
            assert (supervisor.state.pid, supervisor.state.restarts) == (first, 0)
            debugger.stdin.close()  # type: ignore[union-attr]
        await eventually(lambda: supervisor.state.restarts == 1)
