"""The launcher, as a process between a parent that may be killed and a family of processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.fakes.families import ROOT, eventually, family, living, script
from tests.harness.waiting import PATIENCE_S

LAUNCHER = [sys.executable, "-m", "jigdesk.adapters.process.launcher"]


@pytest.fixture
def life() -> Iterator[tuple[int, int]]:
    """The two ends of the pipe that keeps a command alive."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test closed it


def launch(reading: int, command: list[str], *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*LAUNCHER, f"--fd={reading}", *options, "--", *command],
        pass_fds=[reading],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )


def first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.parametrize("code", [0, 7])
def test_ends_with_the_exit_code_of_the_command(code: int, life: tuple[int, int]) -> None:
    with launch(life[0], script(f"raise SystemExit({code})")) as launcher:
        assert launcher.wait(PATIENCE_S) == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGINT])
def test_ends_by_the_signal_that_ended_the_command(
    number: signal.Signals, life: tuple[int, int]
) -> None:
    code = f"import os, signal; signal.signal({number:d}, signal.SIG_DFL) if {number:d} != 9 else 0"
    with launch(life[0], script(f"{code}; os.kill(os.getpid(), {number:d})")) as launcher:
        assert launcher.wait(PATIENCE_S) == -number


def test_a_command_that_does_not_exist_is_127(life: tuple[int, int]) -> None:
    with launch(life[0], ["/no/such/command"]) as launcher:
        assert launcher.wait(PATIENCE_S) == 127


@pytest.mark.parametrize("stubborn", [False, True])
async def test_when_the_pipe_closes_nobody_is_left(stubborn: bool, life: tuple[int, int]) -> None:
    with launch(life[0], family(stubborn=stubborn), "--grace=0.3") as launcher:
        pids = json.loads(await asyncio.to_thread(first_line, launcher))
        assert len(living(pids)) == 4
        os.close(life[1])
        await asyncio.to_thread(launcher.wait, PATIENCE_S)
        assert living(pids) == []


async def test_sigterm_to_the_launcher_ends_the_whole_family(life: tuple[int, int]) -> None:
    with launch(life[0], family()) as launcher:
        pids = json.loads(await asyncio.to_thread(first_line, launcher))
        launcher.terminate()
        assert await asyncio.to_thread(launcher.wait, PATIENCE_S) == -signal.SIGTERM
        assert living(pids) == []


async def test_a_command_that_ends_takes_its_descendants_along(life: tuple[int, int]) -> None:
    with launch(life[0], family(), "--grace=0.3") as launcher:
        pids = json.loads(await asyncio.to_thread(first_line, launcher))
        os.kill(pids[0], signal.SIGKILL)
        assert await asyncio.to_thread(launcher.wait, PATIENCE_S) == -signal.SIGKILL
        assert living(pids) == []


def run_desk(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(script(code), cwd=ROOT, stdout=subprocess.PIPE)


DESK = """
import asyncio, sys
from jigdesk.adapters.process.child import ChildProcess
async def main():
    child = await ChildProcess.start({command!r})
    child.subscribe(lambda line: print(line.text, flush=True))
    await child.wait()
asyncio.run(main())
"""


@pytest.mark.parametrize("stubborn", [False, True])
async def test_when_the_desk_is_killed_nobody_is_left(stubborn: bool) -> None:
    code = DESK.format(command=family(stubborn=stubborn))
    with run_desk(code) as desk:
        pids = json.loads(await asyncio.to_thread(first_line, desk))
        assert len(living(pids)) == 4
        desk.kill()
        await eventually(lambda: living(pids) == [])
