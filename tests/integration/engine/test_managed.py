"""A ComfyUI that the desk starts itself: what happens to jobs when it fails in every way."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain.check import Check
from tests.fakes.comfyui_folder import comfyui_folder, starts_of
from tests.fakes.families import eventually
from tests.harness.browser import BLUR, refine
from tests.harness.pictures import photo
from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk, running_desk

FILES = {"photo.png": photo()}
STALLS = {"JIGDESK_COMFYUI__STALL_TIMEOUT_S": "6"}
"""Short for a test, and long enough for a healthy engine on a busy machine to say something."""


async def attempts(desk: Desk, job_id: str) -> list[int]:
    return [one.attempt for one in await desk.core.journal.attempts(job_id)]


async def engine_check(desk: Desk) -> Check:
    return next(check for check in await desk.core.control.health() if check.name == "engine")


async def control(desk: Desk, method: str, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {desk.core.control_token}"}
    url = f"{desk.core.local_url}/control{path}"
    options = {"json": body} if body else {}
    async with desk.browser.http.request(method, url, headers=headers, **options) as answer:
        return answer.status, dict(await answer.json())


@asynccontextmanager
async def managed(
    tmp_path: Path, *starts: tuple[str, ...], **env: str
) -> AsyncIterator[tuple[Desk, Path]]:
    folder = tmp_path / "ComfyUI"
    chosen = comfyui_folder(folder, *starts)
    async with running_desk(tmp_path / "home", **chosen, **env) as desk:
        yield desk, folder


def running_node(desk: Desk, job_id: str) -> Callable[[], Any]:
    async def runs() -> None:
        async for heard in desk.browser.events(job_id):
            if heard.data.get("node") is not None:
                return

    return runs


async def test_it_is_started_as_the_settings_say_and_runs_jobs(tmp_path: Path) -> None:
    args = {"JIGDESK_COMFYUI__ARGS": '["--step-seconds", "0"]'}
    async with managed(tmp_path, **args) as (desk, folder):
        job_id = await desk.browser.submit(BLUR, FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        (argv,) = starts_of(folder)
        assert argv[:3] == ["--listen", "127.0.0.1", "--port"]
        assert argv[-2:] == ["--step-seconds", "0"]
        assert "--disable-auto-launch" in argv
        assert (await engine_check(desk)).level == "ok"
        status, shown = await control(desk, "GET", "/comfyui")
        assert (status, shown["kind"], shown["status"]) == (200, "managed", "ready")
        assert any("listening on" in line for line in shown["last_lines"])


async def test_a_taken_port_is_named_with_its_owner(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with managed(tmp_path, JIGDESK_COMFYUI__PORT=str(port)) as (desk, folder):
            async with asyncio.timeout(PATIENCE_S):
                while (check := await engine_check(desk)).level != "error":  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            assert f"Port {port} is held by process {os.getpid()}" in check.message
            status, shown = await control(desk, "GET", "/comfyui")
            assert (status, shown["status"]) == (200, "failed")
            assert shown["port_owner"]["pid"] == os.getpid()
            assert "comfyui.port" in shown["reason"]
            assert starts_of(folder) == []
            # a job waits meanwhile, and runs when the owner has freed the port
            job_id = await desk.browser.submit(BLUR, FILES)
            taken.close()
            status, _ = await control(desk, "POST", "/comfyui/start")
            assert status == 202
            assert (await desk.browser.watch(job_id))[-1].name == "job_done"
            assert await attempts(desk, job_id) == [1]


@pytest.mark.slow
async def test_crashes_are_capped_and_the_reason_is_shown(tmp_path: Path) -> None:
    crash = ("crash", "ModuleNotFoundError: No module named 'torch'")
    async with managed(tmp_path, *[crash] * 5) as (desk, folder):
        job_id = await desk.browser.submit(BLUR, FILES)
        async with asyncio.timeout(PATIENCE_S):
            while (check := await engine_check(desk)).level != "error":  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert len(starts_of(folder)) == 5
        status, health = await control(desk, "GET", "/health")
        shown = next(one for one in health["checks"] if one["name"] == "engine")
        assert status == 200
        assert "5 crashes in a row" in shown["message"]
        assert "No module named 'torch'" in shown["message"]
        assert check.remedy
        _, state = await control(desk, "GET", "/comfyui")
        assert state["last_lines"][-1] == "ModuleNotFoundError: No module named 'torch'"
        # the sixth start is the owner's: it works, and the job is still there
        await control(desk, "POST", "/comfyui/restart")
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"


async def test_an_engine_killed_in_mid_job_costs_one_attempt(tmp_path: Path) -> None:
    slow = ("--step-seconds", "0.5")
    async with managed(tmp_path, slow) as (desk, folder):
        job_id = await desk.browser.submit(refine(40), FILES)
        await running_node(desk, job_id)()
        supervisor = desk.core.engine.supervisor
        assert supervisor is not None
        assert supervisor.state.pid is not None
        os.kill(supervisor.state.pid, signal.SIGKILL)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        assert await attempts(desk, job_id) == [1, 2]
        assert len(starts_of(folder)) == 2
        await desk.settled()
        assert desk.document(f"outputs/{job_id}/output.json")["attempt"] == 2


async def test_a_job_that_ends_the_engine_each_time_is_given_up(tmp_path: Path) -> None:
    exits = ("--fault", "exit")
    env = {"JIGDESK_QUEUE__MAX_ATTEMPTS": "2"}
    async with managed(tmp_path, exits, exits, **env) as (desk, folder):
        job_id = await desk.browser.submit(refine(3), FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_error"
        assert heard[-1].data["code"] == "engine_lost"
        assert heard[-1].data["retryable"] is True
        assert await attempts(desk, job_id) == [1, 2]
        # the next job is not disturbed
        other = await desk.browser.submit(BLUR, FILES)
        assert (await desk.browser.watch(other))[-1].name == "job_done"
        assert len(starts_of(folder)) == 3


@pytest.mark.parametrize("fault", ["hang", "die"])
async def test_an_engine_that_does_nothing_is_restarted(tmp_path: Path, fault: str) -> None:
    async with managed(tmp_path, ("--fault", fault), **STALLS) as (desk, folder):
        job_id = await desk.browser.submit(refine(3), FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        assert await attempts(desk, job_id) == [1, 2]
        assert len(starts_of(folder)) == 2


async def test_out_of_memory_once_is_tried_again(tmp_path: Path) -> None:
    once = ("--fault", "oom", "--fault-times", "1")
    async with managed(tmp_path, once) as (desk, _):
        job_id = await desk.browser.submit(refine(3), FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].name == "job_done"
        assert await attempts(desk, job_id) == [1, 2]
        assert desk.core.work.queue.paused is None


async def test_two_jobs_out_of_memory_hold_the_queue(tmp_path: Path) -> None:
    async with managed(tmp_path, ("--fault", "oom", "--fault-times", "3")) as (desk, _):
        first = await desk.browser.submit(refine(3), FILES)
        heard = await desk.browser.watch(first)
        assert (heard[-1].name, heard[-1].data["code"]) == ("job_error", "out_of_memory")
        assert await attempts(desk, first) == [1, 2]
        second = await desk.browser.submit(refine(4), FILES)
        await eventually(lambda: desk.core.work.queue.paused)
        assert "out of GPU memory" in str(desk.core.work.queue.paused)
        assert (await desk.browser.job(second))["status"] != "failed"
        _, health = await control(desk, "GET", "/health")
        shown = next(one for one in health["checks"] if one["name"] == "queue")
        assert "out of GPU memory" in shown["message"]
        await control(desk, "POST", "/queue/resume")
        assert (await desk.browser.watch(second))[-1].name == "job_done"


async def test_the_owner_frees_the_memory(tmp_path: Path) -> None:
    async with managed(tmp_path) as (desk, _):
        await desk.core.engine.ready()
        status, shown = await control(desk, "POST", "/comfyui/free")
        assert status == 202
        assert shown["status"] == "ready"


async def test_freeing_an_engine_that_is_stopped_says_so(tmp_path: Path) -> None:
    async with managed(tmp_path) as (desk, _):
        await desk.core.engine.ready()
        await control(desk, "POST", "/comfyui/stop")
        status, answer = await control(desk, "POST", "/comfyui/free")
        assert status == 503
        assert answer["error"]["code"] == "engine_unavailable"


async def test_a_remote_engine_is_neither_stopped_nor_started(tmp_path: Path) -> None:
    remote = {
        "JIGDESK_COMFYUI__KIND": "remote",
        "JIGDESK_COMFYUI__URL": f"http://127.0.0.1:{free_port()}",
    }
    async with running_desk(tmp_path / "home", **remote) as desk:
        status, answer = await control(desk, "POST", "/comfyui/stop")
        assert (status, answer["error"]["code"]) == (409, "conflict")
        status, shown = await control(desk, "GET", "/comfyui")
        assert (status, shown["kind"], shown["connected"]) == (200, "remote", False)
        check = await engine_check(desk)
        assert (check.level, check.remedy) == ("warning", "Check comfyui.url.")


async def test_a_retry_by_hand_has_a_second_try_of_its_own(tmp_path: Path) -> None:
    async with managed(tmp_path, ("--fault", "oom", "--fault-times", "3")) as (desk, _):
        job_id = await desk.browser.submit(refine(3), FILES)
        heard = await desk.browser.watch(job_id)
        assert heard[-1].data["code"] == "out_of_memory"
        assert (await desk.browser.command(job_id, "retry"))[0] == 202
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        assert await attempts(desk, job_id) == [1, 2, 3, 4]
        assert desk.core.work.queue.paused is None
