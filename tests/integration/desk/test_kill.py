"""kill -9 at any moment: the job completes once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.fakes.comfyui_folder import comfyui_folder
from tests.harness.browser import Browser, chain
from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.process import DeskProcess, desk_process, gone
from tests.harness.serving import STOPS_WITHIN_S

FILES = {"photo.png": photo()}


async def _control(desk: DeskProcess, path: str) -> dict[str, Any]:
    token = (desk.home / "state" / "control.token").read_text().strip()
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        http.get(f"{desk.local_url}/control{path}") as answer,
    ):
        assert answer.status == 200
        return dict(await answer.json())


async def _completed_once(desk: DeskProcess, browser: Browser, job_id: str) -> None:
    await browser.watch(job_id)
    shown = await _control(desk, f"/jobs/{job_id}")
    names = [event["event"] for event in shown["events"]]
    assert names.count("job:completed") == 1
    assert names.count("job_done") == 1
    assert "job:failed" not in names
    seqs = [event["seq"] for event in shown["events"]]
    assert seqs == sorted(set(seqs))
    assert [attempt["attempt"] for attempt in shown["attempts"]] == [1]
    outputs = [path.name for path in desk.home.rglob(f"store/**/outputs/{job_id}/*.json")]
    assert outputs == ["output.json"]


async def _killed_when(desk: DeskProcess, browser: Browser, job_id: str, status: str) -> int:
    """Follow the job and kill the desk when `status` shows; returns the newest seq."""
    newest = 0
    async for heard in browser.events(job_id):
        newest = heard.seq
        if heard.data.get("status") == status or heard.name == status:
            break
    await desk.kill()
    return newest


@pytest.mark.parametrize(
    "step",
    ["accepted", "preparing", "queued", "running", "job:new_files", "uploading", "confirming"],
)
async def test_killed_in_each_step_the_job_completes_once(tmp_path: Path, step: str) -> None:
    async with desk_process(tmp_path / "home") as (desk, browser):
        job_id = await browser.submit(chain(4), FILES)
        seq = await _killed_when(desk, browser, job_id, step)
        await desk.start()
        await _completed_once(desk, browser, job_id)
        last = (await browser.job(job_id))["seq"]
        assert last > seq


async def test_killed_right_after_the_manifest_was_taken(tmp_path: Path) -> None:
    quick = {"JIGDESK_QUEUE__SWEEP_S": "1"}
    async with desk_process(tmp_path / "home", quick) as (desk, browser):
        job_id = await browser.submit(chain(4), FILES)
        await desk.kill()
        await desk.start()
        # accepted before the kill, or found by the sweep 30 s later
        await _completed_once(desk, browser, job_id)


async def test_killed_ten_times_within_one_job(tmp_path: Path) -> None:
    async with desk_process(tmp_path / "home", {"JIGDESK_DEMO_STEP_S": "0.02"}) as (desk, browser):
        job_id = await browser.submit(chain(40), FILES)
        await browser.until(job_id, "running")
        family = desk.family()
        for number in range(10):
            await asyncio.sleep(0.07 * number)
            family += desk.family()
            await desk.kill()
            await desk.start()
        await _completed_once(desk, browser, job_id)
        assert await desk.terminate() == 0
        assert await gone(family)


async def test_the_engine_dies_with_the_desk(tmp_path: Path) -> None:
    async with desk_process(tmp_path / "home") as (desk, browser):
        job_id = await browser.submit(chain(100), FILES)
        await browser.until(job_id, "running")
        family = desk.family()
        assert any("jigdesk.demo" in " ".join(process.cmdline()) for process in family)
        await desk.kill()
        assert await gone(family)


WITH_NODES_THAT_START_PROGRAMS = """
import os, pathlib, subprocess, sys
sleeps = [sys.executable, "-c", "import time; time.sleep(600)"]
started = [subprocess.Popen(sleeps), subprocess.Popen(sleeps, start_new_session=True)]
pids = [os.getpid(), *(one.pid for one in started)]
pathlib.Path(__file__).with_name("pids").write_text(" ".join(map(str, pids)))
"""


@pytest.mark.parametrize("is_frozen", [False, True])
async def test_nothing_of_a_managed_engine_outlives_a_killed_desk(
    tmp_path: Path, is_frozen: bool
) -> None:
    """Nor of what its nodes started, in sessions of their own or not, nor one that hangs."""
    folder = tmp_path / "ComfyUI"
    env = comfyui_folder(folder)
    main = folder / "main.py"
    main.write_text(WITH_NODES_THAT_START_PROGRAMS + main.read_text())
    async with desk_process(tmp_path / "home", env) as (desk, browser):
        job_id = await browser.submit(chain(4), FILES)
        await browser.watch(job_id)
        pids = [int(pid) for pid in (folder / "pids").read_text().split()]
        family = desk.family()
        assert {process.pid for process in family} >= set(pids)
        if is_frozen:
            psutil.Process(pids[0]).suspend()
        await desk.kill()
        assert await gone(family)


@asynccontextmanager
async def _engine(folder: Path) -> AsyncIterator[str]:
    """An engine that outlives the desk."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jigdesk.demo", "--port", str(port)),
        *("--base-directory", str(folder), "--step-seconds", "0.03"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await process.wait()


async def test_a_prompt_that_outlived_the_desk_is_adopted_and_never_posted_twice(
    tmp_path: Path,
) -> None:
    async with _engine(tmp_path / "engine") as url:
        remote = {"JIGDESK_COMFYUI__KIND": "remote", "JIGDESK_COMFYUI__URL": url}
        async with desk_process(tmp_path / "home", remote) as (desk, browser):
            job_id = await browser.submit(chain(60), FILES)
            for _ in range(4):
                await browser.until(job_id, "running")
                await desk.kill()
                await desk.start()
            await _completed_once(desk, browser, job_id)
            async with browser.http.get(f"{url}/history") as answer:
                history = json.loads(await answer.read())
            assert len(history) == 2  # one prompt a stage


async def test_sigterm_checkpoints_within_15_s_and_the_job_goes_on(tmp_path: Path) -> None:
    async with desk_process(tmp_path / "home") as (desk, browser):
        job_id = await browser.submit(chain(50), FILES)
        await browser.until(job_id, "running")
        family = desk.family()
        async with asyncio.timeout(STOPS_WITHIN_S + desk.started_in_s):
            assert await desk.terminate() == 0
        assert await gone(family)
        await desk.start()
        await _completed_once(desk, browser, job_id)
