"""The bad manifests and webhooks of the desk's own tests, by way of S3 and the Lambdas."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.job import JobStatus
from tests.fakes.lambda_parts import SECRET
from tests.harness.bad_manifests import BAD_MANIFESTS, OVER_1_MIB
from tests.harness.bad_webhooks import BAD_WEBHOOKS
from tests.harness.browser import BLUR
from tests.harness.pictures import bomb, photo
from tests.integration.s3.conftest import S3Desk


def _upload(s3: S3Desk, manifest: bytes | dict[str, Any], picture: bytes | None = None) -> str:
    job_id = str(uuid.uuid4())
    s3.bucket.put(keys.input_key(job_id, "photo.png"), picture or photo(), "image/png")
    body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    s3.bucket.put(keys.request_key(job_id), body, "application/json")
    return job_id


async def _ended(s3: S3Desk, job_id: str) -> JobStatus:
    job = await s3.desk.reached(job_id, *(status for status in JobStatus if status.is_final))
    return job.status


async def test_bad_manifests_among_good_ones(s3: S3Desk) -> None:
    bad = {
        _upload(s3, manifest): (code, says)
        for manifest, code, says in [*BAD_MANIFESTS, (OVER_1_MIB, "invalid_manifest", "1,048,576")]
        if code != "missing_input"  # the Lambda waits for that file, and so does the sweep
    }
    truncated = photo(200, 200)[:300]
    for picture, code in (
        (b"no picture", "validation_failed"),
        (truncated, "validation_failed"),
        (bomb(), "input_too_large"),
    ):
        bad[_upload(s3, {"version": 1, **BLUR}, picture)] = (code, "")
    good = await s3.desk.browser.submit(BLUR, {"photo.png": photo()})

    assert await _ended(s3, good) is JobStatus.COMPLETED
    for job_id in bad:
        assert await _ended(s3, job_id) is JobStatus.FAILED
    await s3.desk.settled()
    for job_id, (code, says) in bad.items():
        error = s3.bucket.document(keys.error_json_key(job_id))
        assert (error["code"], error["attempt"]) == (code, 1), error
        assert says in error["message"]
        assert str(s3.desk.home) not in json.dumps(error)
        assert s3.bucket.document(keys.status_key(job_id))["status"] == "failed"
        assert s3.bucket.keys(keys.outputs_prefix(job_id)) == {keys.error_json_key(job_id)}


async def test_bad_webhooks_are_refused_and_leave_nothing(s3: S3Desk) -> None:
    http, url = s3.desk.browser.http, s3.desk.core.public_url_local
    for bad in BAD_WEBHOOKS:
        async with http.post(
            f"{url}/webhooks/{bad.route}",
            data=bad.body,
            headers=bad.signed(SECRET, int(time.time())),
        ) as answer:
            assert answer.status == bad.status, bad.name
            error = (await answer.json())["error"]
            assert error["code"], bad.name
            assert error["message"], bad.name
    assert sum((await s3.desk.core.journal.counts()).values()) == 0
    assert s3.bucket.keys("jobs/") == set()
