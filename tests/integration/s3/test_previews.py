"""A preview for a browser that the desk never hears: its jobs API is a Lambda."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jigdesk.domain import keys
from jigdesk.services import watch_marks
from tests.harness.browser import refine
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.s3.cloud import Bucket
from tests.integration.s3.conftest import S3Desk, s3_desk
from tests.integration.s3.far_browser import FarBrowser
from tests.realparts.seaweedfs import Seaweed

SLOW = {"JIGDESK_DEMO_STEP_S": "1"}


async def shown(
    browser: FarBrowser, job_id: str, holds: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """Ask as a page does that has no event stream, until the answer is so."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds(job := await browser.job(job_id)):  # noqa: ASYNC110 - it asks
            await asyncio.sleep(0.1)
    return job


async def frames(s3: S3Desk, count: int) -> None:
    """Wait until the engine has sent so many more."""
    came: asyncio.Queue[str] = asyncio.Queue()
    unsubscribe = s3.desk.core.work.previews.subscribe(lambda job_id, _: came.put_nowait(job_id))
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(count):
            await came.get()
    unsubscribe()


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look with every frame."""
    monkeypatch.setattr(watch_marks, "LOOK_EVERY_S", 0.0)


async def test_the_lambda_asks_and_the_desk_shows(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None, often: None
) -> None:
    async with s3_desk(tmp_path / "home", seaweed, bucket, **SLOW) as s3:
        browser = FarBrowser(s3.desk.browser.http, "", "far-browser-1")
        await eventually(lambda: bucket.has(keys.host_workflows_key(s3.desk.core.host_id)))
        job_id = await browser.submit(refine(100), {"photo.png": photo()})
        mark, preview = keys.watching_key(job_id), keys.preview_key(job_id)

        # frames come and nobody looks: the desk says that it would show them, and shows none
        await eventually(lambda: bucket.document(mark)["asked_at"] is None)
        await frames(s3, 3)
        assert not bucket.has(preview)

        told: list[object] = []
        leave = s3.desk.core.journal.subscribe(
            lambda events, _: told.extend(event.data.get("preview_key") for event in events)
        )
        job = await shown(browser, job_id, lambda job: job["preview_url"] is not None)
        assert job["status"] == "running"
        assert bucket.document(mark)["asked_at"] is not None
        async with browser.http.get(job["preview_url"]) as answer:
            assert answer.content_type == "image/jpeg"
            assert Image.open(io.BytesIO(await answer.read())).format == "JPEG"
        newer = await shown(browser, job_id, lambda now: now["preview_at"] != job["preview_at"])
        assert newer["preview_url"] is not None
        # whoever hears the events is told as well: on Pusher they are the same
        await eventually(lambda: preview in told)
        leave()

        assert (await browser.command(job_id, "cancel"))[0] == 202
        job = await shown(browser, job_id, lambda job: job["status"] == "cancelled")
        assert (job["preview_url"], job["preview_at"]) == (None, None)
        await eventually(lambda: not bucket.has(mark))
        await browser.job(job_id)
        assert not bucket.has(mark)
        assert keys.parse_key(mark) is None  # so no Lambda takes it for an upload or a result


async def test_the_marks_of_an_earlier_life_go(
    tmp_path: Path, seaweed: Seaweed, bucket: Bucket, lambdas: None, often: None
) -> None:
    home = tmp_path / "home"
    async with s3_desk(home, seaweed, bucket, **SLOW) as s3:
        job_id = await s3.desk.browser.submit(refine(100), {"photo.png": photo()})
        mark = keys.watching_key(job_id)
        await eventually(lambda: bucket.has(mark))
        await s3.desk.core.control.pause("so that it stays where it is")
    bucket.put(mark, b'{"version": 1, "asked_at": null}')
    async with s3_desk(home, seaweed, bucket, **SLOW) as s3:
        await eventually(lambda: not bucket.has(mark))
        assert (await s3.desk.browser.command(job_id, "cancel"))[0] == 202
