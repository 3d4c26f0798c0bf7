"""One job by way of S3: presigned uploads, events, signed webhooks, results, confirmation."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from jigdesk.domain import keys
from jigdesk.domain.job import JobStatus
from jigdesk.domain.webhooks import JobOutput
from lambdas.s3_to_comfyui import handler as s3_to_comfyui
from tests.fakes.lambda_parts import SECRET, s3_event
from tests.harness.browser import BLUR, chain, refine
from tests.harness.pictures import photo
from tests.harness.waiting import eventually
from tests.harness.webhooks import created, send
from tests.integration.s3.conftest import S3Desk

PICTURE = photo()


async def test_a_job_from_the_browser_to_its_result(s3: S3Desk) -> None:
    browser, bucket = s3.desk.browser, s3.bucket
    job_id = await browser.submit(chain(), {"photo.png": PICTURE})
    heard = await browser.watch(job_id)
    assert [one.name for one in heard][-2:] == ["job:completed", "job_done"]
    assert [one.seq for one in heard] == sorted({one.seq for one in heard})
    await s3.desk.settled()

    status = bucket.document(keys.status_key(job_id))
    assert (status["status"], status["progress"]) == ("completed", 1)
    assert status["seq"] == heard[-1].seq
    assert status["host_id"] == s3.desk.core.host_id
    state = bucket.document(keys.state_key(job_id))
    assert (state["host_id"], state["attempt"]) == (s3.desk.core.host_id, 1)
    assert state["stages_done"] == ["fine", "big"]
    manifest = bucket.document(keys.manifest_key(job_id))
    digest = hashlib.sha256(PICTURE).hexdigest()
    assert manifest["stages"][0]["inputs"]["image"]["sha256"] == digest
    assert [one["name"] for one in bucket.document(keys.graph_key(job_id))["stages"]] == [
        "fine",
        "big",
    ]
    output = bucket.document(keys.output_json_key(job_id))
    assert output["attempt"] == 1
    for file in output["files"]:
        body = bucket.get(file["key"])
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert len(body) == file["size_bytes"]
        head = bucket.client.head_object(Bucket=bucket.name, Key=file["key"])
        assert head["ContentType"] == file["content_type"] == "image/png"
    assert bucket.keys("outputs/") == {
        keys.output_key(job_id, "fine", "result.png"),
        keys.output_key(job_id, "big", "result.png"),
        keys.output_json_key(job_id),
    }
    assert s3.cloud.told[-1] == keys.output_json_key(job_id)  # the commit marker comes last

    shown = await browser.job(job_id)
    async with browser.http.get(shown["files"][1]["url"]) as answer:
        assert Image.open(io.BytesIO(await answer.read())).size == (128, 96)


async def test_the_webhooks_do_it_and_no_look_of_the_desks_own(s3: S3Desk) -> None:
    began = datetime.now(UTC)
    job_id = await s3.desk.browser.submit(BLUR, {"photo.png": PICTURE})
    assert (await s3.desk.browser.watch(job_id))[-1].name == "job_done"
    assert datetime.now(UTC) - began < timedelta(seconds=29)  # the sweep would take 30
    entries, _ = s3.desk.core.listeners.requests.page(100)
    paths = [entry.path for entry in entries]
    assert "/webhooks/job-created" in paths
    assert "/webhooks/job-output" in paths


async def test_the_manifest_may_come_first_and_an_event_twice(s3: S3Desk) -> None:
    browser, files = s3.desk.browser, {"photo.png": PICTURE}
    made = await browser.create(refine(3), files)
    job_id = str(made["job_id"])
    await browser.send_manifest(made, refine(3))
    await browser.upload(made, files)
    assert (await browser.watch(job_id))[-1].name == "job_done"
    before = s3.bucket.document(keys.status_key(job_id))
    # S3 promises to deliver at least once
    event = s3_event(keys.request_key(job_id))
    assert await asyncio.to_thread(s3_to_comfyui.handler, event, None) == {"jobs": 1}
    await s3.desk.settled()
    assert s3.bucket.document(keys.status_key(job_id)) == before
    assert len(await s3.desk.core.journal.attempts(job_id)) == 1


async def test_a_retry_removes_the_old_end_first(s3: S3Desk) -> None:
    browser, bucket = s3.desk.browser, s3.bucket
    job_id = await browser.submit(BLUR, {"photo.png": b"no picture"})
    end = (await browser.watch(job_id))[-1]
    assert (end.name, end.data["code"]) == ("job_error", "validation_failed")
    await s3.desk.settled()
    error = bucket.document(keys.error_json_key(job_id))
    assert (error["attempt"], error["code"]) == (1, "validation_failed")
    assert not bucket.has(keys.output_json_key(job_id))

    bucket.put(keys.input_key(job_id, "photo.png"), PICTURE, "image/png")
    status, _ = await browser.command(job_id, "retry")
    assert status == 202
    assert (await browser.until(job_id, "completed"))["attempt"] == 2
    await s3.desk.settled()
    assert not bucket.has(keys.error_json_key(job_id))
    assert bucket.document(keys.output_json_key(job_id))["attempt"] == 2
    assert bucket.document(keys.state_key(job_id))["attempt"] == 2

    status, _ = await browser.command(job_id, "retry")
    assert status == 202
    assert (await browser.until(job_id, "completed"))["attempt"] == 3
    await s3.desk.settled()
    assert bucket.document(keys.output_json_key(job_id))["attempt"] == 3


async def test_a_manifest_that_was_mended_is_retried(s3: S3Desk) -> None:
    browser, bucket, files = s3.desk.browser, s3.bucket, {"photo.png": PICTURE}
    made = await browser.create(BLUR, files)
    job_id = str(made["job_id"])
    await browser.upload(made, files)
    await browser.send_manifest(made, {**BLUR, "params": {"radius": 99}})
    assert (await browser.watch(job_id))[-1].data["code"] == "invalid_parameter"
    await browser.send_manifest(made, BLUR)
    assert (await browser.command(job_id, "retry"))[0] == 202
    assert (await browser.until(job_id, "completed"))["attempt"] == 2
    await s3.desk.settled()
    assert bucket.document(keys.manifest_key(job_id))["stages"][0]["params"]["radius"] == 3


async def test_the_output_of_an_old_attempt_confirms_nothing(s3: S3Desk) -> None:
    core, browser = s3.desk.core, s3.desk.browser
    s3.cloud.lost = ("output.json",)
    job_id = await browser.submit(BLUR, {"photo.png": PICTURE})
    await browser.until(job_id, "confirming")
    await s3.desk.settled()
    key = keys.output_json_key(job_id)
    mine = s3.bucket.get(key)
    s3.bucket.put(key, json.dumps({**json.loads(mine), "attempt": 7}).encode())
    late = JobOutput(job_id, s3.bucket.name, (key,), "2026-03-01T12:00:00Z").to_dict()
    url = core.public_url_local
    assert (await send(browser.http, url, SECRET, "job-output", late))[0] == 202
    job = await core.journal.job(job_id)
    assert job is not None
    assert job.status is JobStatus.CONFIRMING
    s3.bucket.put(key, mine)
    assert (await send(browser.http, url, SECRET, "job-output", late))[0] == 202
    assert (await browser.watch(job_id))[-1].name == "job_done"


async def test_another_bucket_is_another_desks(s3: S3Desk) -> None:
    job_id = str(uuid.uuid4())
    status, answer = await send(
        s3.desk.browser.http,
        s3.desk.core.public_url_local,
        SECRET,
        "job-created",
        created(job_id, bucket="another-bucket"),
    )
    assert (status, answer["error"]["field"]) == (422, "bucket")
    assert await s3.desk.core.journal.job(job_id) is None


async def test_the_desk_takes_status_json_over_from_the_lambda(
    s3: S3Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = s3.desk.core
    monkeypatch.setenv("JIGDESK_WEBHOOK_URL", core.public_url_local)
    await core.control.drain()
    job_id = str(uuid.uuid4())
    s3.bucket.put(keys.input_key(job_id, "photo.png"), PICTURE)
    s3.bucket.put(keys.request_key(job_id), json.dumps({"version": 1, **BLUR}).encode())

    def lambda_says(word: str) -> bool:
        return word in s3.bucket.document(keys.status_key(job_id))["message"]

    # the desk answers 503, so the Lambda rewrites its own document, and S3 tries again
    await eventually(lambda: s3.bucket.has(keys.status_key(job_id)) and lambda_says("not taking"))
    status = s3.bucket.document(keys.status_key(job_id))
    assert (status["status"], status["host_id"], status["seq"]) == ("accepted", None, 0)
    assert not s3.bucket.has(keys.state_key(job_id))
    assert await core.journal.job(job_id) is None

    await core.control.resume()
    await eventually(lambda: s3.bucket.document(keys.status_key(job_id))["status"] == "completed")
    assert s3.bucket.document(keys.status_key(job_id))["host_id"] == core.host_id
