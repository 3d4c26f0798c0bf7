"""The sweep on a real S3 server: listings in pages, times of the store's own."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jigdesk.domain import keys
from jigdesk.domain.clock import utc_now
from jigdesk.domain.job import JobStatus
from jigdesk.services import sweep
from jigdesk.services.claim import Claims
from jigdesk.services.sweep import Sweeper
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.waiting import eventually
from tests.integration.s3.cloud import Bucket
from tests.integration.s3.conftest import S3Desk, s3_desk
from tests.realparts.seaweedfs import Seaweed


@pytest.fixture
async def s3(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> AsyncIterator[S3Desk]:
    """One whose own sweep comes long after the test's."""
    env = {"JIGDESK_QUEUE__SWEEP_S": "3600"}
    async with s3_desk(tmp_path / "home", seaweed, bucket, **env) as running:
        yield running


def _upload(bucket: Bucket, *, whole: bool = True) -> str:
    job_id = str(uuid.uuid4())
    if whole:
        bucket.put(keys.input_key(job_id, "photo.png"), photo(), "image/png")
    bucket.put(keys.request_key(job_id), json.dumps({"version": 1, **BLUR}).encode())
    return job_id


def _sweeper(s3: S3Desk, later: timedelta) -> Sweeper:
    """A sweeper of this desk whose clock is ahead."""
    core = s3.desk.core

    def clock() -> datetime:
        return utc_now() + later

    claims = Claims(core.journal, core.store, core.host_id)
    return Sweeper(
        core.journal,
        core.store,
        core.work.intake,
        core.work.ends,
        claims,
        clock=clock,
        interval_s=3600,
    )


async def test_one_lost_job_among_many_of_others_page_by_page(
    s3: S3Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PAGE", 3)
    s3.cloud.lost = ("request.json", "photo.png")
    theirs = [_upload(s3.bucket) for _ in range(12)]
    for job_id in theirs:
        claim = {"version": 1, "host_id": "desk-9", "status": "completed", "attempt": 1}
        s3.bucket.put(keys.state_key(job_id), json.dumps(claim).encode())
    lost = _upload(s3.bucket)
    assert await _sweeper(s3, timedelta()).sweep() == 0  # too young by the store's own times
    sweeper = _sweeper(s3, timedelta(seconds=40))
    found = [await sweeper.sweep() for _ in range(3)]
    assert sum(found) == 1
    await eventually(lambda: s3.bucket.document(keys.status_key(lost))["status"] == "completed")
    assert [await s3.desk.core.journal.job(job_id) for job_id in theirs] == [None] * len(theirs)


async def test_what_stays_incomplete_fails_after_24_h(s3: S3Desk) -> None:
    job_id = _upload(s3.bucket, whole=False)
    assert await _sweeper(s3, timedelta(hours=23, minutes=59)).sweep() == 0
    assert await _sweeper(s3, timedelta(hours=24, minutes=1)).sweep() == 1
    job = await s3.desk.core.journal.job(job_id)
    assert job is not None
    assert job.status is JobStatus.FAILED
    await s3.desk.settled()
    error = s3.bucket.document(keys.error_json_key(job_id))
    assert (error["code"], "photo.png" in error["message"]) == ("missing_input", True)
    assert s3.bucket.document(keys.state_key(job_id))["status"] == "failed"

    s3.bucket.put(keys.input_key(job_id, "photo.png"), photo(), "image/png")
    await s3.desk.core.control.retry(job_id)  # it is there now
    await eventually(lambda: s3.bucket.document(keys.status_key(job_id))["status"] == "completed")
    assert not s3.bucket.has(keys.error_json_key(job_id))


@pytest.mark.slow
async def test_a_job_without_a_single_webhook(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None
) -> None:
    env = {"JIGDESK_QUEUE__SWEEP_S": "1"}
    async with s3_desk(tmp_path / "home", seaweed, bucket, **env) as s3:
        s3.cloud.lost = (".json", ".png")
        job_id = _upload(bucket)
        # 30 s until the manifest is old enough, and 30 s until the results are looked for
        await eventually(lambda: bucket.document(keys.status_key(job_id))["status"] == "completed")
        assert s3.cloud.told == []
