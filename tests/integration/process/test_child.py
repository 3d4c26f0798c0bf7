"""ChildProcess with real commands."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import tracemalloc
from pathlib import Path

import psutil
import pytest

from jigdesk.adapters.process.child import ChildProcess
from jigdesk.adapters.process.lines import MAX_LINE_CHARS, MAX_LINES
from jigdesk.domain.errors import SetupError
from tests.fakes.families import eventually, family, living, pids_in, script
from tests.harness.waiting import PATIENCE_S


async def test_says_how_it_ended_and_what_it_printed_last() -> None:
    code = "print('one'); print('two\\rthree'); import sys; sys.exit('broken')"
    child = await ChildProcess.start(script(code))
    ended = await child.wait()
    assert (ended.code, ended.signal) == (1, None)
    assert ended.last_lines == ("one", "three", "broken")
    assert ended.peak_rss_bytes is not None
    assert ended.peak_rss_bytes > 1_000_000
    assert str(ended).startswith("exit status 1, at most ")
    assert not child.alive


async def test_says_which_signal_ended_it() -> None:
    child = await ChildProcess.start(script("import time; print('up'); time.sleep(600)"))
    os.kill(child.pid, signal.SIGKILL)
    ended = await child.wait()
    assert (ended.code, ended.signal) == (None, signal.SIGKILL)
    assert str(ended).startswith("ended by SIGKILL")


async def test_the_pid_is_the_commands_own_in_a_session_of_its_own() -> None:
    child = await ChildProcess.start(script("import os, time; print(os.getpid()); time.sleep(600)"))
    await eventually(child.last_lines)
    assert child.last_lines() == (str(child.pid),)
    assert os.getsid(child.pid) == child.pid  # a terminal's Ctrl-C does not reach it
    assert abs(child.created - psutil.Process(child.pid).create_time()) < 0.1
    await child.stop()


@pytest.mark.parametrize("stubborn", [False, True])
async def test_stop_leaves_nobody(stubborn: bool) -> None:
    child = await ChildProcess.start(
        family(stubborn=stubborn), grace_s=0.3 if stubborn else PATIENCE_S
    )
    await eventually(lambda: pids_in(child.last_lines()))
    pids = pids_in(child.last_lines())
    assert len(living(pids)) == 4
    ended = await child.stop()
    assert ended.signal == (signal.SIGKILL if stubborn else signal.SIGTERM)
    assert living(pids) == []


async def test_stop_kills_what_does_not_end_within_its_deadline() -> None:
    child = await ChildProcess.start(family(stubborn=True), grace_s=600)
    await eventually(lambda: pids_in(child.last_lines()))
    began = time.monotonic()
    ended = await child.stop(grace_s=0.2)
    assert time.monotonic() - began < PATIENCE_S
    assert ended.signal == signal.SIGKILL


async def test_a_killed_launcher_leaves_nobody() -> None:
    child = await ChildProcess.start(family(stubborn=True))
    await eventually(lambda: pids_in(child.last_lines()))
    pids = pids_in(child.last_lines())
    os.kill(psutil.Process(child.pid).ppid(), signal.SIGKILL)
    ended = await child.wait()
    assert (ended.code, ended.signal) == (None, None)
    assert living(pids) == []


async def test_the_environment_is_the_commands_and_on_no_command_line() -> None:
    env = {"PATH": os.environ["PATH"], "TOKEN": "very-secret"}
    code = "import os, time; print(sorted(os.environ)); print(os.environ['TOKEN']); time.sleep(600)"
    child = await ChildProcess.start(script(code), env=env, cwd=Path("/"))
    await eventually(lambda: len(child.last_lines()) == 2)
    names, token = child.last_lines()
    assert token == "very-secret"
    assert "HOME" not in names
    launcher = psutil.Process(child.pid).parent()
    assert launcher is not None
    assert "very-secret" not in " ".join(launcher.cmdline())
    assert psutil.Process(child.pid).cwd() == "/"
    await child.stop()


async def test_runs_on_a_loop_in_another_thread() -> None:
    async def run() -> tuple[str, ...]:
        child = await ChildProcess.start(script("print('hello')"))
        return (await child.wait()).last_lines

    assert await asyncio.to_thread(asyncio.run, run()) == ("hello",)


async def test_what_cannot_be_started_says_why() -> None:
    with pytest.raises(SetupError, match=r"Cannot start /no/such/command: .*No such file"):
        await ChildProcess.start(["/no/such/command"])
    with pytest.raises(SetupError, match="/no/such/folder"):
        await ChildProcess.start(script(""), cwd=Path("/no/such/folder"))


FLOOD = """
import sys
bar = b"\\r 50%|" + "█".encode() * 10 + b"| 10/20 [00:01<00:01, 9.8it/s]"
for _ in range(10_000_000 // len(bar)):
    sys.stdout.buffer.write(bar)
sys.stdout.buffer.flush()
"""


async def test_a_flood_of_carriage_returns_stays_small(tmp_path: Path) -> None:
    heard = 0

    def count(_: object) -> None:
        nonlocal heard
        heard += 1

    log = tmp_path / "engine.log"
    tracemalloc.start()
    try:
        child = await ChildProcess.start(script(FLOOD), log_path=log)
        child.subscribe(count)
        ended = await child.wait()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ended.code == 0
    assert heard > 100_000
    assert len(ended.last_lines) == 1  # one bar, drawn over and over
    assert peak_bytes < 10_000_000
    assert log.stat().st_size < 1_000


async def test_ten_megabytes_without_any_line_end_stay_small() -> None:
    code = "import sys\nfor _ in range(100): sys.stdout.write('x' * 100_000)"
    tracemalloc.start()
    try:
        child = await ChildProcess.start(script(code))
        ended = await child.wait()
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ended.last_lines == ("x" * MAX_LINE_CHARS,)
    assert peak_bytes < 10_000_000


async def test_keeps_the_last_lines_and_logs_them_all(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "engine.log"
    code = f"for i in range({MAX_LINES + 10}): print('line', i)"
    child = await ChildProcess.start(script(code), log_path=log)
    ended = await child.wait()
    assert ended.last_lines[-1] == f"line {MAX_LINES + 9}"
    kept = child.last_lines(10 * MAX_LINES)
    assert len(kept) == MAX_LINES
    assert kept[0] == "line 10"
    logged = log.read_text().splitlines()
    assert logged[-1].endswith(f"Z line {MAX_LINES + 9}")
    assert log.stat().st_mode & 0o777 == 0o600
    assert child.log_error is None


async def test_a_log_that_cannot_be_written_does_not_end_the_child(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    child = await ChildProcess.start(script("print('hello')"), log_path=tmp_path / "file" / "log")
    assert (await child.wait()).code == 0
    assert child.log_error is not None


async def test_a_cancelled_start_leaves_nobody(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    for delay_s in (0.0, 0.01, 0.05, 0.1, 0.2):
        task = asyncio.create_task(ChildProcess.start(family(), grace_s=0.2))
        await asyncio.sleep(delay_s)
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, ChildProcess):
            await result.stop()
    await eventually(lambda: set(psutil.Process().children(recursive=True)) <= before)
