"""Branching by way of the Lambda's jobs API and a bucket: who may, and what is not run again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.job import JobStatus
from tests.fakes.api_world import JWT_SECRET, token_for
from tests.harness.browser import BLUR
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.s3.conftest import S3Desk
from tests.integration.s3.far_browser import FarBrowser

FILES = {"photo.png": photo()}


def branch(parent: str) -> dict[str, Any]:
    return {
        "stages": [
            {"name": "dark", "workflow": "invert", "inputs": {"image": {"stage": "blur"}}},
        ],
        "branch_of": {"job_id": parent, "stage": "blur"},
    }


async def ended(s3: S3Desk, job_id: str) -> JobStatus:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            job = await s3.desk.core.journal.job(job_id)
            if job is not None and job.status.is_final:
                return job.status
            await asyncio.sleep(0.05)


async def refused(browser: FarBrowser, request: dict[str, Any]) -> bool:
    body = {"client_id": browser.client_id, "request": request, "files": []}
    status, answer = await browser.ask("POST", "/api/jobs", body)
    return (status, answer["error"]["field"]) == (404, "request.branch_of.job_id")


@pytest.mark.parametrize("signed_in", [False, True])
async def test_only_its_owner_branches_a_job(
    s3: S3Desk, monkeypatch: pytest.MonkeyPatch, signed_in: bool
) -> None:
    monkeypatch.setenv("JIGDESK_SUPABASE_JWT_SECRET", JWT_SECRET)
    http, core = s3.desk.browser.http, s3.desk.core
    mine = FarBrowser(http, "", "far-browser-1")
    others = FarBrowser(http, "", "far-browser-2")
    if signed_in:
        mine.token, others.token = token_for("u1"), token_for("u2")
    await eventually(lambda: s3.bucket.has(keys.host_workflows_key(core.host_id)))
    parent = await mine.send_whole(BLUR, FILES)
    assert await ended(s3, parent) is JobStatus.COMPLETED
    await core.journal.forget(parent)  # as on another desk: the bucket is all there is

    assert await refused(others, branch(parent))
    # the same browser, signed in or not, is somebody else
    mine.token, token = (None if signed_in else token_for("u1")), mine.token
    assert await refused(mine, branch(parent))
    mine.token = token

    child = await mine.send_whole(branch(parent), {})
    assert await ended(s3, child) is JobStatus.COMPLETED
    assert [run.stage for run in await core.journal.stage_runs(child)] == ["dark"]
    await s3.desk.settled()
    graph = s3.bucket.document(keys.graph_key(child))
    assert graph["branch_of"] == {"job_id": parent, "stage": "blur"}
    owner = "user:u1" if signed_in else "client:far-browser-1"
    job = await core.journal.job(child)
    assert job is not None
    assert job.owner_id == owner

    # past the API: what it signed is not what is uploaded, and the index does not confirm it
    made = await others.create(BLUR, FILES)
    await others.upload(made, FILES)
    claims = {"user_id": "u1"} if signed_in else {"client_id": "far-browser-1"}
    await others.send_manifest(made, {**branch(parent), **claims})
    assert await ended(s3, str(made["job_id"])) is JobStatus.FAILED
    await s3.desk.settled()
    error = s3.bucket.document(keys.error_json_key(str(made["job_id"])))
    assert (error["code"], "not yours" in error["message"]) == ("invalid_manifest", True)
