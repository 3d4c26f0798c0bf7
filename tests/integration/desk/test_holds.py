"""What holds the queue beside the owner: quiet hours, and programs that have the GPU first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from jigdesk.app import queue_controls
from jigdesk.domain.job import JobStatus
from jigdesk.services.yielding import Yielding
from tests.fakes.comfyui_server import open_server
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.programs import running, sleeper
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.desk.conftest import Desk, running_desk

FILES = {"photo.png": photo()}


def quiet_now() -> dict[str, str]:
    """Settings of quiet hours that began an hour ago and end hours from now."""
    now = datetime.now().astimezone()
    start, end = now - timedelta(hours=1), now + timedelta(hours=5)
    return {"JIGDESK_QUEUE__QUIET_HOURS": f'["{start:%H:%M}-{end:%H:%M}"]'}


async def status(desk: Desk, job_id: str, *wanted: JobStatus) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (job := await desk.core.journal.job(job_id)) is None or job.status not in wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def control(desk: Desk, method: str, path: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {desk.core.control_token}"}
    url = f"{desk.core.local_url}/control{path}"
    async with desk.browser.http.request(method, url, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


async def metrics(desk: Desk) -> set[str]:
    async with desk.browser.http.get(f"{desk.core.local_url}/metrics") as answer:
        return set((await answer.text()).splitlines())


async def test_quiet_hours_hold_what_is_accepted_until_the_owner_says_otherwise(
    tmp_path: Path,
) -> None:
    async with running_desk(tmp_path / "home", **quiet_now()) as desk:
        job_id = await desk.browser.submit(BLUR, FILES)
        await status(desk, job_id, JobStatus.QUEUED)
        assert desk.core.work.queue.running == 0
        # wherever a pause is shown, the reason and the end are
        queue = await control(desk, "GET", "/queue")
        assert queue["accepting"] is True
        assert queue["paused"].startswith("Quiet hours until ")
        end = datetime.fromisoformat(queue["paused_until"])
        assert timedelta(hours=4) < end - datetime.now(UTC) < timedelta(hours=6)
        assert queue["paused"] == f"Quiet hours until {end.astimezone():%H:%M}."
        (hold,) = queue["holds"]
        assert (hold["by"], hold["lifted"]) == ("quiet_hours", False)
        health = await control(desk, "GET", "/health")
        (check,) = [one for one in health["checks"] if one["name"] == "queue"]
        assert check["message"] == f"Held: {queue['paused']}"
        assert {
            "jigdesk_queue_paused 1.0",
            'jigdesk_queue_held{by="quiet_hours"} 1.0',
            'jigdesk_queue_held{by="pause"} 0.0',
            'jigdesk_queue_held{by="yield_to"} 0.0',
        } <= await metrics(desk)
        async with desk.browser.http.get(f"{desk.core.public_url_local}/readyz") as ready:
            assert ready.status == 200
        host = f"hosts/{desk.core.host_id}.json"
        await eventually(lambda: desk.document(host)["state"] == "paused")
        assert desk.document(host)["accepting"] is True
        # resuming is the owner's word against these hours
        queue = await control(desk, "POST", "/queue/resume")
        assert (queue["paused"], queue["paused_until"]) == (None, None)
        assert [hold["lifted"] for hold in queue["holds"]] == [True]
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        await eventually(lambda: desk.document(host)["state"] == "running")


async def test_a_restart_in_quiet_hours_starts_nothing_that_was_not_running(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    async with running_desk(home) as desk:
        await desk.core.control.pause("until it is quiet")
        job_id = await desk.browser.submit(BLUR, FILES)
        await status(desk, job_id, JobStatus.QUEUED)
        await desk.core.control.resume()
        await desk.core.control.pause("once more")
    async with running_desk(home, **quiet_now()) as desk:
        await desk.core.work.queue.set_flag("paused", None)
        assert str(desk.core.work.queue.paused).startswith("Quiet hours")
        job = await desk.core.journal.job(job_id)
        assert job is not None
        if job.status is JobStatus.QUEUED:  # it was not quicker than the pause
            await desk.core.control.resume()
        await status(desk, job_id, JobStatus.COMPLETED)


async def test_a_named_program_has_the_gpu_first_and_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    game = sleeper(tmp_path / "jigdesk-desk-game")
    soon = partial(Yielding, every_s=0.05, gone_for_s=0.2)
    monkeypatch.setattr(queue_controls, "Yielding", soon)
    async with open_server() as comfyui:
        env = {
            "JIGDESK_COMFYUI__KIND": "remote",
            "JIGDESK_COMFYUI__URL": comfyui.url,
            "JIGDESK_QUEUE__YIELD_TO": f'["blender", "{game.name}"]',
        }
        async with running_desk(tmp_path / "home", **env) as desk:
            assert desk.core.work.queue.paused is None
            with running(game):
                await eventually(lambda: desk.core.work.queue.paused is not None)
                queue = await control(desk, "GET", "/queue")
                assert queue["accepting"] is True
                assert queue["paused"].startswith(game.name)
                assert queue["paused_until"] is None
                await eventually(lambda: len(comfyui.freed) == 1)
                host = f"hosts/{desk.core.host_id}.json"
                await eventually(lambda: desk.document(host)["state"] == "paused")
            await eventually(lambda: desk.core.work.queue.paused is None)
            await eventually(lambda: desk.document(host)["state"] == "running")
            assert len(comfyui.freed) == 1
