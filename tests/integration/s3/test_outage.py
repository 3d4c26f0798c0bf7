"""The store goes away in each step of a job: nothing is lost, nothing runs twice."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jigdesk.domain import keys
from jigdesk.domain.job import JobStatus
from tests.fakes.lambda_parts import SECRET
from tests.fakes.tcp_proxy import TcpProxy, tcp_proxy
from tests.harness.browser import BLUR, Heard, chain, refine
from tests.harness.pictures import photo
from tests.harness.process import DeskProcess
from tests.harness.serving import STOPS_WITHIN_S
from tests.harness.waiting import PATIENCE_S, eventually
from tests.harness.webhooks import created, send
from tests.integration.s3.cloud import Bucket
from tests.integration.s3.conftest import S3Desk, s3_desk, s3_env
from tests.realparts.seaweedfs import Seaweed

PICTURE = photo()
OUTAGE_S = 5.0  # longer than one call's own tries last


@asynccontextmanager
async def _behind_a_proxy(
    home: Path, seaweed: Seaweed, bucket: Bucket, **env: str
) -> AsyncIterator[tuple[S3Desk, TcpProxy]]:
    """Only the desk goes by way of the proxy: the cloud's own side of S3 stays up."""
    async with (
        tcp_proxy(seaweed.endpoint_url) as proxy,
        s3_desk(home, seaweed, bucket, proxy.url, **env) as s3,
    ):
        host = keys.host_key(s3.desk.core.host_id)
        await eventually(lambda: bucket.has(host))  # or no Lambda would know where it is
        yield s3, proxy


async def _prompts(s3: S3Desk) -> int:
    """How many prompts the engine ever got."""
    url = f"{s3.desk.core.engine.url}/history"
    async with s3.desk.browser.http.get(url) as answer:
        return len(await answer.json(content_type=None))


async def _status(s3: S3Desk, job_id: str) -> JobStatus | None:
    job = await s3.desk.core.journal.job(job_id)
    return None if job is None else job.status


async def _reached(s3: S3Desk, job_id: str, *statuses: str) -> None:
    """By the journal: the visitor's routes ask the store who owns a job."""
    await s3.desk.reached(job_id, *statuses)


async def _events(s3: S3Desk, job_id: str) -> list[Heard]:
    events = await s3.desk.core.journal.events(job_id)
    return [Heard(one.name, one.seq, one.data) for one in events]


async def _completed_once(s3: S3Desk, job_id: str, prompts: int) -> None:
    await _reached(s3, job_id, "completed", "failed")
    heard = await _events(s3, job_id)
    assert [one.name for one in heard][-2:] == ["job:completed", "job_done"]
    assert [one.name for one in heard].count("job:completed") == 1
    assert len(await s3.desk.core.journal.attempts(job_id)) == 1
    assert await _prompts(s3) == prompts
    async with asyncio.timeout(PATIENCE_S):
        await s3.desk.settled()
    assert s3.bucket.document(keys.status_key(job_id))["status"] == "completed"
    output = s3.bucket.document(keys.output_json_key(job_id))
    assert s3.bucket.keys(keys.outputs_prefix(job_id)) == {
        keys.output_json_key(job_id),
        *(file["key"] for file in output["files"]),
    }


def _upload(s3: S3Desk, request: dict[str, Any]) -> str:
    job_id = str(uuid.uuid4())
    s3.bucket.put(keys.input_key(job_id, "photo.png"), PICTURE, "image/png")
    body = json.dumps({"version": 1, "job_id": job_id, **request}).encode()
    s3.bucket.put(keys.request_key(job_id), body, "application/json")
    return job_id


@pytest.mark.parametrize("status", ["queued", "running", "uploading", "confirming"])
async def test_refused_in_each_step(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None, status: str
) -> None:
    async with _behind_a_proxy(tmp_path / "home", seaweed, bucket) as (s3, proxy):
        job_id = _upload(s3, chain(60))
        await _reached(s3, job_id, status, "completed")
        await proxy.refuse()
        assert await _status(s3, job_id) != "completed"
        await asyncio.sleep(OUTAGE_S)
        await proxy.heal()
        await _completed_once(s3, job_id, prompts=2)


async def test_a_job_that_is_announced_while_the_store_is_down(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with _behind_a_proxy(tmp_path / "home", seaweed, bucket) as (s3, proxy):
        await proxy.refuse()
        job_id = _upload(s3, BLUR)  # the Lambda's side of S3 works
        await _reached(s3, job_id, "preparing")
        await asyncio.sleep(OUTAGE_S)
        assert await _status(s3, job_id) is JobStatus.PREPARING
        await proxy.heal()
        await _completed_once(s3, job_id, prompts=1)


@pytest.mark.slow
async def test_20_s_without_a_store_and_a_job_in_every_step(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with _behind_a_proxy(tmp_path / "home", seaweed, bucket) as (s3, proxy):
        s3.cloud.lost = ("output.json",)
        jobs = [_upload(s3, BLUR)]
        await _reached(s3, jobs[0], "confirming")
        jobs += [_upload(s3, chain(40)) for _ in range(3)]
        await _reached(s3, jobs[1], "running")
        s3.cloud.lost = ()
        await proxy.refuse()
        jobs += [_upload(s3, refine(3)) for _ in range(2)]
        await asyncio.sleep(20)
        await proxy.heal()
        for job_id in jobs:
            await _reached(s3, job_id, "completed")
        for job_id in jobs:
            await _completed_once(s3, job_id, prompts=1 + 3 * 2 + 2)


@pytest.mark.parametrize("status", ["preparing", "uploading"])
async def test_cut_in_the_middle_of_a_transfer(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None, status: str
) -> None:
    async with _behind_a_proxy(tmp_path / "home", seaweed, bucket) as (s3, proxy):
        big = photo(1600, 1200)
        await s3.desk.core.control.pause("for the test")
        job_id = str(uuid.uuid4())
        s3.bucket.put(keys.input_key(job_id, "photo.png"), big, "image/png")
        if status == "preparing":
            proxy.cut_after(len(big) // 2)
        s3.bucket.put(keys.request_key(job_id), json.dumps({"version": 1, **BLUR}).encode())
        await _reached(s3, job_id, "queued")
        if status == "uploading":
            proxy.cut_after(len(big) // 2)
        await s3.desk.core.control.resume()
        await _completed_once(s3, job_id, prompts=1)


async def test_a_black_hole_leaves_the_desk_awake(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with _behind_a_proxy(tmp_path / "home", seaweed, bucket) as (s3, proxy):
        core, http = s3.desk.core, s3.desk.browser.http
        waiting = _upload(s3, refine(10))
        await _reached(s3, waiting, "running")
        proxy.go_silent()
        askers = [  # visitors whose question the store has to answer
            asyncio.create_task(s3.desk.browser.command(str(uuid.uuid4()), "cancel"))
            for _ in range(12)
        ]
        slowest_s = 0.0
        token = {"Authorization": f"Bearer {core.control_token}"}
        for _ in range(20):
            began = time.monotonic()
            async with http.get(f"{core.public_url_local}/healthz") as answer:
                assert answer.status == 200
            async with http.get(f"{core.local_url}/control/jobs", headers=token) as answer:
                assert answer.status == 200
            status, _ = await send(
                http, core.public_url_local, SECRET, "job-created", created(str(uuid.uuid4()))
            )
            assert status == 202
            slowest_s = max(slowest_s, time.monotonic() - began)
            await asyncio.sleep(0.1)
        assert slowest_s < 10  # a call to that store would take 30
        began = time.monotonic()
        async with http.get(f"{core.local_url}/control/health", headers=token) as answer:
            checks = {one["name"]: one for one in (await answer.json())["checks"]}
        assert checks["store"]["level"] == "error"
        assert time.monotonic() - began < 25
        await proxy.heal()
        await asyncio.gather(*askers, return_exceptions=True)
        await _reached(s3, waiting, "completed")


@pytest.mark.parametrize("status", ["running", "confirming"])
async def test_sigterm_in_a_black_hole_takes_less_than_15_s(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None, status: str
) -> None:
    async with tcp_proxy(seaweed.endpoint_url) as proxy, aiohttp.ClientSession() as http:
        env = s3_env(seaweed, proxy.url, JIGDESK_DEMO_STEP_S="0.5")
        desk = DeskProcess(tmp_path / "home", env)
        await desk.start()
        try:
            job_id = str(uuid.uuid4())
            bucket.put(keys.input_key(job_id, "photo.png"), PICTURE)
            request = refine(50 if status == "running" else 3)
            bucket.put(keys.request_key(job_id), json.dumps({"version": 1, **request}).encode())
            url = env["JIGDESK_TUNNEL__PUBLIC_URL"]
            assert (await send(http, url, SECRET, "job-created", created(job_id)))[0] == 202
            async with asyncio.timeout(PATIENCE_S):
                while not bucket.has(keys.status_key(job_id)) or (  # noqa: ASYNC110
                    bucket.document(keys.status_key(job_id))["status"] != status
                ):
                    await asyncio.sleep(0.02)
            proxy.go_silent()
            await asyncio.sleep(1.5)  # some call of the desk's is stuck now
            began = time.monotonic()
            code = await desk.terminate()
            took_s = time.monotonic() - began
            assert took_s < STOPS_WITHIN_S + desk.started_in_s, desk.output[-20:]
            assert code == 0, desk.output[-20:]
            await proxy.heal()
            desk.env["JIGDESK_DEMO_STEP_S"] = "0"
            await desk.start()
            # nobody sends the JobOutput here, so the job waits for that at most
            done = ("confirming", "completed")
            await eventually(lambda: bucket.document(keys.status_key(job_id))["status"] in done)
            await eventually(lambda: bucket.has(keys.output_json_key(job_id)))
            assert bucket.document(keys.output_json_key(job_id))["attempt"] == 1
        finally:
            await desk.kill()
