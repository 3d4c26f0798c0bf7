"""Two desks on one bucket: each job runs on one of them, whatever happens to the other."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from typing import Any

import aiohttp

from jigdesk.domain import keys
from jigdesk.settings.paths import find_paths
from tests.fakes.lambda_parts import SECRET
from tests.harness.browser import BLUR, refine
from tests.harness.pictures import photo
from tests.harness.process import DeskProcess
from tests.harness.waiting import PATIENCE_S, eventually
from tests.harness.webhooks import created, send
from tests.integration.desk.conftest import Desk, running_desk
from tests.integration.s3.cloud import Bucket, running_cloud
from tests.integration.s3.conftest import s3_desk, s3_env
from tests.realparts.seaweedfs import Seaweed


def _upload(bucket: Bucket, request: dict[str, Any], job_id: str | None = None) -> str:
    job_id = job_id or str(uuid.uuid4())
    bucket.put(keys.input_key(job_id, "photo.png"), photo(), "image/png")
    body = json.dumps({"version": 1, **request}).encode()
    bucket.put(keys.request_key(job_id), body, "application/json")
    return job_id


def _status(bucket: Bucket, job_id: str) -> str:
    return str(bucket.document(keys.status_key(job_id))["status"])


async def _forgotten(desk: Desk, job_id: str) -> None:
    """Wait until the desk knows nothing (any more) of a job that is another's."""
    async with asyncio.timeout(PATIENCE_S):
        while await desk.core.journal.job(job_id) is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def _prompts(desk: Desk) -> int:
    await desk.core.engine.ready()
    async with desk.browser.http.get(f"{desk.core.engine.url}/history") as answer:
        return len(await answer.json(content_type=None))


async def test_20_jobs_announced_to_both_run_once_each(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with (
        running_desk(tmp_path / "one", **s3_env(seaweed)) as one,
        running_desk(tmp_path / "two", **s3_env(seaweed)) as two,
        running_cloud(bucket) as cloud,
    ):
        cloud.lost = ("request.json", "photo.png")  # announced by hand, to both
        desks = {one.core.host_id: one, two.core.host_id: two}
        jobs = [_upload(bucket, BLUR) for _ in range(20)]
        answers = await asyncio.gather(
            *(
                send(one.browser.http, desk.core.public_url_local, SECRET, "job-created", body)
                for body in map(created, jobs)
                for desk in desks.values()
            )
        )
        assert {status for status, _ in answers} == {202}

        def done() -> bool:
            return all(_status(bucket, job_id) == "completed" for job_id in jobs)

        await eventually(done)
        for desk in desks.values():
            await desk.settled()
        owners = {job_id: bucket.document(keys.state_key(job_id))["host_id"] for job_id in jobs}
        for job_id, owner in owners.items():
            for host in desks.keys() - {owner}:
                await _forgotten(desks[host], job_id)
            assert await desks[owner].core.journal.job(job_id) is not None
            assert bucket.document(keys.status_key(job_id))["host_id"] == owner
            assert bucket.document(keys.output_json_key(job_id))["attempt"] == 1
        assert await _prompts(one) + await _prompts(two) == 20
        assert set(owners.values()) == set(desks)  # both had their share


async def test_a_late_webhook_to_the_other_desk_leaves_a_finished_job_as_it_is(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with (
        s3_desk(tmp_path / "one", seaweed, bucket) as one,
        running_desk(tmp_path / "two", **s3_env(seaweed)) as two,
    ):
        job_id = str(uuid.uuid4())
        await eventually(lambda: len(bucket.keys("hosts/")) == 4)  # both are registered
        one.cloud.lost = ("request.json",)
        _upload(bucket, BLUR, job_id)
        url = one.desk.core.public_url_local
        http = one.desk.browser.http
        assert (await send(http, url, SECRET, "job-created", created(job_id)))[0] == 202
        await eventually(lambda: _status(bucket, job_id) == "completed")
        await one.desk.settled()
        before = bucket.etags(f"jobs/{job_id}/") | bucket.etags(f"outputs/{job_id}/")

        url = two.core.public_url_local
        assert (await send(http, url, SECRET, "job-created", created(job_id)))[0] == 202
        await _forgotten(two, job_id)
        await two.settled()
        assert bucket.etags(f"jobs/{job_id}/") | bucket.etags(f"outputs/{job_id}/") == before


async def test_a_killed_desk_keeps_its_jobs_and_resumes_them(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    env = s3_env(seaweed, JIGDESK_QUEUE__SWEEP_S="1", JIGDESK_DEMO_STEP_S="1")
    killed = DeskProcess(tmp_path / "killed", env)
    await killed.start()
    try:
        async with (
            running_desk(
                tmp_path / "other", **s3_env(seaweed, JIGDESK_QUEUE__SWEEP_S="1")
            ) as other,
            running_cloud(bucket) as cloud,
            aiohttp.ClientSession() as http,
        ):
            cloud.lost = ("request.json", "photo.png")
            url = env["JIGDESK_TUNNEL__PUBLIC_URL"]
            jobs = [_upload(bucket, refine(30)) for _ in range(2)]
            for job_id in jobs:
                assert (await send(http, url, SECRET, "job-created", created(job_id)))[0] == 202
            await eventually(lambda: _status(bucket, jobs[0]) == "running")
            await eventually(lambda: bucket.has(keys.state_key(jobs[1])))
            await killed.kill()

            other.core.work.sweeper.now()
            url = other.core.public_url_local
            for job_id in jobs:  # told of them, it finds them taken
                assert (await send(http, url, SECRET, "job-created", created(job_id)))[0] == 202
            for job_id in jobs:
                await _forgotten(other, job_id)
            assert await _prompts(other) == 0
            assert "completed" not in {_status(bucket, job_id) for job_id in jobs}

            killed.env["JIGDESK_DEMO_STEP_S"] = "0"
            await killed.start()
            for job_id in jobs:
                await eventually(lambda job_id=job_id: _status(bucket, job_id) == "completed")
                assert bucket.document(keys.output_json_key(job_id))["attempt"] == 1
            assert await _prompts(other) == 0
    finally:
        await killed.kill()


async def test_a_desk_that_lost_its_home_runs_nothing_again(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    async with s3_desk(tmp_path / "home", seaweed, bucket) as s3:
        ended = _upload(bucket, BLUR)
        await eventually(lambda: _status(bucket, ended) == "completed")
        await s3.desk.settled()
        host_id = s3.desk.core.host_id
    before = bucket.etags(f"jobs/{ended}/") | bucket.etags(f"outputs/{ended}/")

    for name, keep_id in (("new-home", False), ("new-journal", True)):
        home = tmp_path / name
        if keep_id:
            kept = find_paths({"JIGDESK_HOME": str(home)}).host_id
            kept.parent.mkdir(parents=True)
            kept.write_text(host_id + "\n")
        async with s3_desk(home, seaweed, bucket) as s3:
            assert (s3.desk.core.host_id == host_id) is keep_id
            url, http = s3.desk.core.public_url_local, s3.desk.browser.http
            assert (await send(http, url, SECRET, "job-created", created(ended)))[0] == 202
            await _forgotten(s3.desk, ended)
            await s3.desk.core.work.sweeper.sweep()
            await _forgotten(s3.desk, ended)  # a sweep that began before may have taken it in
            assert await _prompts(s3.desk) == 0
            fresh = _upload(bucket, BLUR)  # and it works
            await eventually(lambda fresh=fresh: _status(bucket, fresh) == "completed")
        after = bucket.etags(f"jobs/{ended}/") | bucket.etags(f"outputs/{ended}/")
        assert after == before
