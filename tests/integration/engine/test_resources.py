"""The machine's resources and the metrics of a whole desk."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from typing import Any

import pytest

from jigdesk.app import metrics as module
from jigdesk.domain.resources import GpuSample
from tests.fakes.families import eventually
from tests.harness.browser import BLUR, refine
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk

FILES = {"photo.png": photo()}


async def samples(desk: Desk, seconds: int) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {desk.core.control_token}"}
    url = f"{desk.core.local_url}/control/resources?seconds={seconds}"
    async with desk.browser.http.get(url, headers=headers) as answer:
        assert answer.status == 200
        return list((await answer.json())["items"])


async def metrics(desk: Desk) -> dict[str, float]:
    async with desk.browser.http.get(f"{desk.core.local_url}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    found = re.findall(r"^(jigdesk_[^ ]+) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


async def until(desk: Desk, name: str, value: float | None) -> None:
    """Wait for this value; None: until it is told no more."""
    async with asyncio.timeout(PATIENCE_S):
        while (await metrics(desk)).get(name) != value:  # noqa: ASYNC110 - scraped, as it is
            await asyncio.sleep(0.05)


async def test_samples_name_the_job_that_ran(desk: Desk) -> None:
    job_id = await desk.browser.submit(refine(100), FILES)
    await desk.browser.watch(job_id)
    await eventually(lambda: desk.core.resources.history()[-1].job_ids == ())
    shown = await samples(desk, 900)
    assert any(one["job_ids"] == [job_id] for one in shown)
    assert all(0 <= one["cpu"] <= 1 for one in shown)
    assert len(await samples(desk, 1)) <= 2


async def test_metrics_count_jobs_webhooks_and_restarts(desk: Desk) -> None:
    job_id = await desk.browser.submit(BLUR, FILES)
    await desk.browser.watch(job_id)
    shown = await metrics(desk)
    assert shown['jigdesk_jobs_ended_total{status="completed",workflow="blur"}'] == 1
    assert shown['jigdesk_webhook_answers_total{route="/webhooks/job-created",status="202"}'] == 1
    assert shown["jigdesk_webhook_seconds_count"] >= 1
    assert shown["jigdesk_tunnel_up"] == 0
    assert shown["jigdesk_accepting"] == 1
    assert shown["jigdesk_disk_free_bytes"] > 0 or not desk.core.resources.latest
    await until(desk, 'jigdesk_jobs{status="completed"}', 1)
    await until(desk, "jigdesk_outbox_rows", 0)
    await until(desk, "jigdesk_queue_depth", 0)

    for path in ("/nowhere-1", "/nowhere-2"):
        async with desk.browser.http.get(desk.core.public_url_local + path) as answer:
            assert answer.status == 404
    shown = await metrics(desk)
    assert shown['jigdesk_webhook_answers_total{route="other",status="404"}'] == 2

    supervisor = desk.core.engine.supervisor
    assert supervisor is not None
    assert supervisor.state.pid is not None
    assert shown["jigdesk_engine_ready"] == 1
    os.kill(supervisor.state.pid, signal.SIGKILL)
    await until(desk, "jigdesk_engine_restarts_total", 1)
    await until(desk, "jigdesk_engine_ready", 1)


async def test_jobs_that_have_not_ended_are_counted_by_workflow(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WORKFLOWS", 1)
    await desk.core.control.pause("The test counts.")
    ids = [await desk.browser.submit(BLUR, FILES) for _ in range(2)]
    await until(desk, 'jigdesk_jobs_active{status="queued",workflow="blur"}', 2)
    ids.append(await desk.browser.submit(refine(), FILES))
    # manifests choose the chain of workflows: there are no more labels than the bound allows
    await until(desk, 'jigdesk_jobs_active{status="queued",workflow="other"}', 1)
    assert (await metrics(desk))['jigdesk_jobs{status="queued"}'] == 3
    await desk.core.control.resume()
    for job_id in ids:
        await desk.browser.watch(job_id)
    await until(desk, 'jigdesk_jobs_active{status="queued",workflow="blur"}', None)
    await until(desk, 'jigdesk_jobs{status="completed"}', 3)
    assert not [name for name in await metrics(desk) if name.startswith("jigdesk_jobs_active")]


async def test_a_gpu_and_a_figure_that_are_gone_are_told_no_more(desk: Desk) -> None:
    labels = '{index="0",name="RTX"}'
    desk.core.resources.tell_gpus((GpuSample("RTX", 0.5, 1, 2, 60.0, 200.0),))
    await until(desk, f"jigdesk_gpu_power_watts{labels}", 200)
    desk.core.resources.tell_gpus((GpuSample("RTX", 0.25, 1, 2, 60.0, None),))
    await until(desk, f"jigdesk_gpu_power_watts{labels}", None)
    assert (await metrics(desk))[f"jigdesk_gpu_ratio{labels}"] == 0.25
    desk.core.resources.tell_gpus(())
    await until(desk, f"jigdesk_gpu_ratio{labels}", None)
    assert not [name for name in await metrics(desk) if name.startswith("jigdesk_gpu")]
