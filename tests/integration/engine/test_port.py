"""The engine's port is taken: who holds it is named, and the owner chooses what to do."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.fakes.families import ROOT, script
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.waiting import eventually
from tests.integration.desk.conftest import Desk, running_desk
from tests.integration.engine.test_managed import control, engine_check

FILES = {"photo.png": photo()}
HOLDER = (
    "import socket, sys, time; s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1])));"
    "s.listen(); print('listening', flush=True); time.sleep(3600)"
)


@asynccontextmanager
async def held(argv: list[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of somebody else that listens; ended at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        while b"listening" not in (line := await process.stdout.readline()):
            assert line
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def holder(port: int) -> list[str]:
    return [*script(HOLDER), str(port)]


@asynccontextmanager
async def desk_without_port(tmp_path: Path, port: int) -> AsyncIterator[Desk]:
    async with running_desk(tmp_path / "home", JIGDESK_COMFYUI__PORT=str(port)) as desk:
        while (await engine_check(desk)).level != "error":  # noqa: ASYNC110 - it is still starting
            await asyncio.sleep(0.05)
        yield desk


async def jigdesk(desk: Desk, *args: str) -> tuple[int, str]:
    env = {**os.environ, "JIGDESK_HOME": str(desk.home)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jigdesk", "comfyui", *args),
        env=env,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def runs_a_job(desk: Desk) -> None:
    job_id = await desk.browser.submit(BLUR, FILES)
    assert (await desk.browser.watch(job_id))[-1].name == "job_done"


async def test_its_holder_is_named_with_three_offers(tmp_path: Path) -> None:
    port = free_port()
    async with held(holder(port)) as other, desk_without_port(tmp_path, port) as desk:
        check = await engine_check(desk)
        assert f"Port {port} is held by process {other.pid} (" in check.message
        assert "import socket" in check.message
        for offer in (f"end-owner {other.pid}", "attach", "move PORT"):
            assert f"jigdesk comfyui {offer}" in check.remedy
        code, out = await jigdesk(desk, "status")
        assert code == 0
        assert f"jigdesk comfyui end-owner {other.pid}" in out
        # nothing but an engine can be attached to, and nobody else is ended
        code, out = await jigdesk(desk, "attach")
        assert (code, "cannot be used" in out) == (1, True)
        status, answer = await control(desk, "POST", f"/comfyui/end-owner?pid={os.getpid()}")
        assert (status, answer["error"]["code"]) == (409, "conflict")
        status, _ = await control(desk, "POST", f"/comfyui/move?port={port}")
        assert status == 409
        for path in ("/comfyui/end-owner", "/comfyui/move", "/comfyui/move?port=70000"):
            assert (await control(desk, "POST", path))[0] == 400
        assert other.returncode is None


async def test_the_holder_is_ended(tmp_path: Path) -> None:
    port = free_port()
    async with held(holder(port)) as other, desk_without_port(tmp_path, port) as desk:
        code, out = await jigdesk(desk, "end-owner", str(other.pid))
        assert (code, out) == (0, "starting\n")
        await other.wait()
        await runs_a_job(desk)
        assert (await control(desk, "GET", "/comfyui"))[1]["url"].endswith(f":{port}")


async def test_the_engine_moves_to_another_port(tmp_path: Path) -> None:
    port, another = free_port(), free_port()
    async with held(holder(port)) as other, desk_without_port(tmp_path, port) as desk:
        code, out = await jigdesk(desk, "move", str(another), "--keep")
        assert (code, f"on port {another}" in out) == (0, True)
        await runs_a_job(desk)
        shown = (await control(desk, "GET", "/comfyui"))[1]
        assert (shown["url"], shown["status"]) == (f"http://127.0.0.1:{another}", "ready")
        listeners = json.loads((desk.home / "state" / "listeners.json").read_text())
        assert listeners["engine_url"] == shown["url"]
        assert other.returncode is None
    assert f"port = {another}" in (tmp_path / "home" / "config.toml").read_text()


async def test_an_engine_that_is_there_is_attached_to(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "theirs"
    folder.mkdir()
    theirs = [sys.executable, "-m", "jigdesk.demo", f"--port={port}", f"--base-directory={folder}"]
    async with held(theirs) as other, desk_without_port(tmp_path, port) as desk:
        code, out = await jigdesk(desk, "attach")
        assert (code, f"attached to http://127.0.0.1:{port}" in out) == (0, True)
        await runs_a_job(desk)
        shown = (await control(desk, "GET", "/comfyui"))[1]
        assert shown["attached_to"]["pid"] == other.pid
        check = await engine_check(desk)
        assert (check.level, f"process {other.pid}" in check.message) == ("ok", True)
        # their engine ends: it is not ours to start again, until the owner says so
        other.send_signal(signal.SIGKILL)
        await other.wait()
        await eventually(lambda: not desk.core.engine.client.connected)
        assert (await engine_check(desk)).level == "warning"
        assert (await jigdesk(desk, "start")) == (0, "starting\n")
        await runs_a_job(desk)
        assert "attached_to" not in (await control(desk, "GET", "/comfyui"))[1]


async def test_an_engine_that_was_attached_to_outlives_the_desk(tmp_path: Path) -> None:
    port = free_port()
    theirs = [sys.executable, "-m", "jigdesk.demo", f"--port={port}"]
    async with held([*theirs, f"--base-directory={tmp_path}"]) as other:
        async with desk_without_port(tmp_path, port) as desk:
            assert (await control(desk, "POST", "/comfyui/attach"))[0] == 202
        assert psutil.Process(other.pid).is_running()
        assert other.returncode is None


async def test_the_memory_before_a_crash_is_kept(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        await desk.core.engine.ready()
        await eventually(lambda: desk.core.resources.latest is not None)
        pid = (await control(desk, "GET", "/comfyui"))[1]["pid"]
        psutil.Process(pid).kill()
        supervisor = desk.core.engine.supervisor
        assert supervisor is not None
        await eventually(lambda: supervisor.state.last_exit is not None)
        shown = (await control(desk, "GET", "/comfyui"))[1]
        memory = shown["last_exit_memory"]
        assert 0 < memory["ram_bytes"] <= memory["ram_total_bytes"]
        assert "SIGKILL" in shown["last_exit"]
        assert "of RAM" in shown["last_exit"]
