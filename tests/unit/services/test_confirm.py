"""A job is completed when its output.json can be read back, for its attempt, and not before."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change, ResultFile
from jigdesk.domain.errors import StoreError, StoreUnavailable
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.manifest import MAX_STAGES
from jigdesk.domain.output import file_document
from jigdesk.services.collect import MAX_FILES
from jigdesk.services.confirm import Confirmations
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.harness.waiting import PATIENCE_S


@asynccontextmanager
async def _confirming(folder: Path) -> AsyncIterator[tuple[StoreDesk, Job]]:
    """A job whose files are up; its output.json is not there yet."""
    async with store_desk(folder) as desk:
        job_id = new_job_id()
        await desk.journal.accept(Arrival(job_id, "jig-react", None), Change())
        job: Job | None = None
        for status in ("preparing", "queued", "running", "uploading", "confirming"):
            job = await desk.journal.apply(job_id, Change(to=JobStatus(status)))
        assert job is not None
        yield desk, job


def _write(desk: StoreDesk, job: Job, attempt: int = 1) -> str:
    key = keys.output_json_key(job.job_id)
    desk.memory.put(key, json.dumps({"version": 1, "attempt": attempt}).encode())
    return key


async def _looked(desk: StoreDesk, times: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while desk.asked["get"] < times:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.005)


async def _status(desk: StoreDesk, job: Job) -> JobStatus:
    row = await desk.job(job.job_id)
    assert row is not None
    return row.status


async def test_the_webhook_completes_the_job(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        waits = Confirmations(desk.journal, desk.store, wait_s=3600)
        waits.expect(job.job_id)
        key = _write(desk, job)
        waits.hint(job.job_id, [key])
        await asyncio.wait_for(waits.confirm(job, [], look_first=False), PATIENCE_S)
        assert await _status(desk, job) is JobStatus.COMPLETED


async def test_a_lost_webhook_is_made_up_for_by_a_look(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        _write(desk, job)
        waits = Confirmations(desk.journal, desk.store, wait_s=0.05)
        await asyncio.wait_for(waits.confirm(job, [], look_first=False), PATIENCE_S)
        assert await _status(desk, job) is JobStatus.COMPLETED


async def test_after_a_restart_it_looks_at_once(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        _write(desk, job)
        waits = Confirmations(desk.journal, desk.store, wait_s=3600)
        await asyncio.wait_for(waits.confirm(job, [], look_first=True), PATIENCE_S)
        assert await _status(desk, job) is JobStatus.COMPLETED


@pytest.mark.parametrize("attempt", [0, 2, 7])
async def test_the_output_of_another_attempt_counts_for_nothing(
    tmp_path: Path, attempt: int
) -> None:
    async with _confirming(tmp_path) as (desk, job):
        waits = Confirmations(desk.journal, desk.store, wait_s=3600)
        waits.expect(job.job_id)
        task = asyncio.create_task(waits.confirm(job, [], look_first=False))
        waits.hint(job.job_id, [_write(desk, job, attempt)])
        await _looked(desk, 1)
        assert await _status(desk, job) is JobStatus.CONFIRMING
        waits.hint(job.job_id, [_write(desk, job)])
        await asyncio.wait_for(task, PATIENCE_S)
        assert await _status(desk, job) is JobStatus.COMPLETED


async def test_other_files_and_other_jobs_are_no_hint(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        waits = Confirmations(desk.journal, desk.store, wait_s=0.2)
        waits.expect(job.job_id)
        waits.hint(job.job_id, [keys.output_key(job.job_id, "blur", "result.png")])
        waits.hint(new_job_id(), [_write(desk, job)])
        task = asyncio.create_task(waits.confirm(job, [], look_first=False))
        await asyncio.sleep(0)
        assert desk.asked["get"] == 0
        await asyncio.wait_for(task, PATIENCE_S)


@pytest.mark.parametrize("failure", [StoreUnavailable("Down."), StoreError("Access denied.")])
async def test_a_store_that_fails_is_asked_again_soon(tmp_path: Path, failure: Exception) -> None:
    async with _confirming(tmp_path) as (desk, job):
        _write(desk, job)
        count = desk.memory.before

        def fail_twice(operation: str, key: str) -> None:
            count(operation, key)
            if desk.asked["get"] <= 2:
                raise failure

        desk.memory.before = fail_twice
        waits = Confirmations(desk.journal, desk.store, wait_s=3600)
        await asyncio.wait_for(waits.confirm(job, [], look_first=True), PATIENCE_S)
        assert await _status(desk, job) is JobStatus.COMPLETED


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff"])
async def test_an_output_json_that_is_none_completes_nothing(tmp_path: Path, body: bytes) -> None:
    async with _confirming(tmp_path) as (desk, job):
        desk.memory.put(keys.output_json_key(job.job_id), body)
        waits = Confirmations(desk.journal, desk.store, wait_s=0.02)
        task = asyncio.create_task(waits.confirm(job, [], look_first=True))
        await _looked(desk, 3)
        assert await _status(desk, job) is JobStatus.CONFIRMING
        _write(desk, job)
        await asyncio.wait_for(task, PATIENCE_S)


async def test_a_job_that_was_cancelled_meanwhile_stays_so(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        waits = Confirmations(desk.journal, desk.store, wait_s=0.02)
        await desk.journal.apply(job.job_id, Change(to=JobStatus.CANCELLED))
        _write(desk, job)
        await asyncio.wait_for(waits.confirm(job, [], look_first=True), PATIENCE_S)
        assert await _status(desk, job) is JobStatus.CANCELLED


async def test_an_output_json_of_very_many_files_is_read(tmp_path: Path) -> None:
    async with _confirming(tmp_path) as (desk, job):
        waits = Confirmations(desk.journal, desk.store, wait_s=3600)
        file = file_document(
            ResultFile(
                key=keys.output_key(job.job_id, "frames", "result-999.png"),
                stage="frames",
                output="result",
                node="3",
                index=999,
                kind="image",
                content_type="image/png",
                size_bytes=10**6,
                sha256="0" * 64,
            )
        )
        document = {"version": 1, "attempt": 1, "files": [file] * (MAX_FILES * MAX_STAGES)}
        desk.memory.put(keys.output_json_key(job.job_id), json.dumps(document).encode())
        async with asyncio.timeout(PATIENCE_S):
            await waits.confirm(job, [], look_first=True)
        assert await _status(desk, job) is JobStatus.COMPLETED
