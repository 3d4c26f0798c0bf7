"""The sweep finds what webhooks did not tell, once, and asks the store no more than it must."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from jigdesk.domain import keys
from jigdesk.domain.errors import StoreError, StoreUnavailable
from jigdesk.domain.job import JobStatus
from jigdesk.services import sweep
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.harness.waiting import PATIENCE_S

REQUEST: dict[str, Any] = {"version": 1, "task": "blur", "inputs": {"image": "photo.png"}}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[StoreDesk]:
    async with store_desk(tmp_path) as made:
        yield made


async def test_a_lost_webhook_is_found_after_30_s(desk: StoreDesk) -> None:
    job_id = desk.upload(manifest=REQUEST, photo=b"png")
    desk.clock.forward(seconds=29)
    assert await desk.sweeper.sweep() == 0
    assert await desk.job(job_id) is None
    desk.clock.forward(seconds=2)
    assert await desk.sweeper.sweep() == 1
    job = await desk.job(job_id)
    assert job is not None
    assert job.status is JobStatus.ACCEPTED
    assert desk.queue.depth == 1
    assert await desk.sweeper.sweep() == 0


async def test_files_that_still_arrive_are_waited_for(desk: StoreDesk) -> None:
    job_id = desk.upload(manifest=REQUEST)
    for _ in range(5):
        desk.clock.forward(seconds=25)
        desk.upload(job_id, other=b"more")
        assert await desk.sweeper.sweep() == 0
    desk.clock.forward(seconds=60)
    assert await desk.sweeper.sweep() == 0  # the file that the manifest names is not there
    desk.upload(job_id, photo=b"png")
    desk.clock.forward(minutes=10)
    assert await desk.sweeper.sweep() == 1
    assert await desk.job(job_id) is not None


async def test_what_the_manifest_says_is_the_preparers_to_judge(desk: StoreDesk) -> None:
    broken = desk.upload(manifest=b"{")
    line = desk.upload()
    desk.memory.put(keys.instructions_key(line), b"blur --image gone.png")
    desk.clock.forward(seconds=31)
    assert await desk.sweeper.sweep() == 2
    assert await desk.job(broken) is not None
    assert await desk.job(line) is not None


@pytest.mark.parametrize(("manifest", "says"), [(REQUEST, "photo.png"), (None, "request.json")])
async def test_what_is_incomplete_for_24_h_fails(desk: StoreDesk, manifest: Any, says: str) -> None:
    job_id = desk.upload(manifest=manifest, other=b"png")
    for _ in range(23):
        desk.clock.forward(hours=1)
        assert await desk.sweeper.sweep() == 0
    desk.clock.forward(hours=1, seconds=1)
    assert await desk.sweeper.sweep() == 1
    job = await desk.job(job_id)
    assert job is not None
    assert job.failure is not None
    assert (job.status, job.failure.code) == (JobStatus.FAILED, "missing_input")
    assert says in job.failure.message
    await desk.flushed()
    assert desk.document(keys.error_json_key(job_id))["code"] == "missing_input"
    assert desk.document(keys.status_key(job_id))["status"] == "failed"
    assert desk.document(keys.state_key(job_id))["host_id"] == "desk-1"
    assert await desk.sweeper.sweep() == 0


async def test_a_job_of_more_files_than_a_page_has_is_found(
    desk: StoreDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "PAGE", 3)
    many = dict.fromkeys(("a", "b", "c", "photo"), b"png")
    found = desk.upload(manifest=REQUEST, **many)
    without = desk.upload(**many)
    desk.clock.forward(hours=25)
    assert await desk.sweeper.sweep() == 2
    jobs = [await desk.job(job_id) for job_id in (found, without)]
    assert [job and job.status for job in jobs] == [JobStatus.ACCEPTED, JobStatus.FAILED]


async def test_an_upload_that_broke_off_is_not_asked_about_every_30_s(desk: StoreDesk) -> None:
    desk.upload(manifest=REQUEST)
    for _ in range(24 * 60 * 2 - 2):
        desk.clock.forward(seconds=30)
        await desk.sweeper.sweep()
    assert desk.asked["get"] < 600  # about every 10 minutes, two documents each


async def test_a_clock_that_is_set_back_hides_no_job(desk: StoreDesk) -> None:
    desk.clock.forward(hours=6)  # as a machine's that started with a wrong time
    job_id = desk.upload(manifest=REQUEST)
    desk.clock.forward(minutes=5)
    assert await desk.sweeper.sweep() == 0  # its file is on its way
    desk.clock.forward(hours=-6)
    desk.upload(job_id, photo=b"png")
    desk.memory.put(keys.request_key(job_id), json.dumps(REQUEST).encode())
    desk.clock.forward(minutes=5)
    assert await desk.sweeper.sweep() == 1


async def test_another_desks_job_is_left_alone_and_asked_about_once(desk: StoreDesk) -> None:
    job_id = desk.upload(manifest=REQUEST, photo=b"png")
    desk.claimed(job_id, "desk-2", "running")
    desk.clock.forward(hours=48)
    await desk.sweeper.sweep()
    asked = desk.asked["get"]
    for _ in range(5):
        assert await desk.sweeper.sweep() == 0
    assert desk.asked["get"] == asked == 1
    assert await desk.job(job_id) is None


async def test_a_lost_home_runs_no_finished_job_again(desk: StoreDesk) -> None:
    ended = [desk.upload(manifest=REQUEST, photo=b"png") for _ in range(3)]
    for job_id, status in zip(ended, ("completed", "failed", "cancelled"), strict=True):
        desk.claimed(job_id, "desk-1", status)
    under_way = desk.upload(manifest=REQUEST, photo=b"png")
    desk.claimed(under_way, "desk-1", "running")
    desk.clock.forward(hours=1)
    assert await desk.sweeper.sweep() == 1
    assert await desk.job(under_way) is not None
    assert [await desk.job(job_id) for job_id in ended] == [None, None, None]


async def test_a_claim_that_nobody_can_read_is_none(desk: StoreDesk) -> None:
    job_id = desk.upload(manifest=REQUEST, photo=b"png")
    desk.memory.put(keys.state_key(job_id), b"not JSON")
    desk.clock.forward(seconds=31)
    assert await desk.sweeper.sweep() == 1
    await desk.flushed()
    assert desk.document(keys.state_key(job_id))["host_id"] == "desk-1"


async def test_the_cost_does_not_grow_with_finished_jobs(desk: StoreDesk) -> None:
    for _ in range(10_000):
        desk.claimed(desk.upload(manifest=b"{}"), "desk-2", "completed")
    desk.clock.forward(hours=1)
    desk.asked.clear()
    rounds, before = 0, -1
    while desk.asked["get"] > before:
        before = desk.asked["get"]
        await desk.sweeper.sweep()
        rounds += 1
        assert desk.asked["get"] - before <= sweep.ASKS
        assert desk.asked["page"] <= rounds * sweep.PAGES
    assert desk.asked["get"] == 10_000  # once each

    for _ in range(20):  # and from now on two listings a sweep, whatever lies there
        desk.asked.clear()
        await desk.sweeper.sweep()
        assert desk.asked == {"page": sweep.PAGES}

    lost = desk.upload(str(uuid.UUID(int=(1 << 128) - 1)), manifest=REQUEST, photo=b"png")
    desk.clock.forward(seconds=31)
    for _ in range(10_000 // (sweep.PAGES * sweep.PAGE) + 1):
        await desk.sweeper.sweep()
    assert await desk.job(lost) is not None


async def test_a_full_queue_leaves_the_job_for_later(tmp_path: Path) -> None:
    async with store_desk(tmp_path, max_depth=1) as desk:
        for _ in range(2):
            desk.upload(manifest=REQUEST, photo=b"png")
        desk.clock.forward(seconds=31)
        assert await desk.sweeper.sweep() == 1
        (job,) = await desk.journal.active()
        assert await desk.sweeper.sweep() == 0
        await desk.queue.drop(job.job_id)
        assert await desk.sweeper.sweep() == 1


async def test_one_job_that_the_store_refuses_hides_no_other(desk: StoreDesk) -> None:
    first, second = sorted(desk.upload(manifest=REQUEST, photo=b"png") for _ in range(2))
    count = desk.memory.before

    def refuse(operation: str, key: str) -> None:
        count(operation, key)
        if key == keys.state_key(first):
            raise StoreError("Access denied.")

    desk.memory.before = refuse
    desk.clock.forward(seconds=31)
    assert await desk.sweeper.sweep() == 1
    assert await desk.job(second) is not None
    desk.memory.before = count
    desk.clock.forward(minutes=10)
    assert await desk.sweeper.sweep() == 1
    assert await desk.job(first) is not None


async def test_an_outage_in_the_middle_skips_nothing(desk: StoreDesk) -> None:
    ids = [desk.upload(manifest=REQUEST, photo=b"png") for _ in range(4)]
    desk.clock.forward(seconds=31)
    gets = 0
    count = desk.memory.before

    def fail_third(operation: str, key: str) -> None:
        nonlocal gets
        count(operation, key)
        gets += operation == "get"
        if gets == 5:
            raise StoreUnavailable("The store is down.")

    desk.memory.before = fail_third
    with pytest.raises(StoreUnavailable):
        await desk.sweeper.sweep()
    await desk.sweeper.sweep()
    assert None not in [await desk.job(job_id) for job_id in ids]


async def test_giving_up_leaves_nothing_behind_while_the_store_fails(desk: StoreDesk) -> None:
    job_id = desk.upload(other=b"png")
    desk.clock.forward(hours=25)
    count = desk.memory.before

    def fail_writes(operation: str, key: str) -> None:
        count(operation, key)
        if operation == "put":
            raise StoreUnavailable("The store is down.")

    desk.memory.before = fail_writes
    with pytest.raises(StoreUnavailable):
        await desk.sweeper.sweep()
    assert await desk.job(job_id) is None
    desk.memory.before = count
    assert await desk.sweeper.sweep() == 1


async def test_giving_up_what_another_desk_just_took(desk: StoreDesk) -> None:
    job_id = desk.upload(other=b"png")
    desk.clock.forward(hours=25)
    count = desk.memory.before

    def race(operation: str, key: str) -> None:
        count(operation, key)
        if operation == "put" and key == keys.state_key(job_id):
            desk.memory.before = count
            desk.claimed(job_id, "desk-2", "running")

    desk.memory.before = race
    assert await desk.sweeper.sweep() == 0
    assert await desk.job(job_id) is None


async def test_it_goes_on_while_the_store_fails_and_at_once_when_told(desk: StoreDesk) -> None:
    sweeper = desk.new_sweeper(interval_s=0.01)
    desk.down = True
    task = asyncio.create_task(sweeper.run())
    async with asyncio.timeout(PATIENCE_S):
        while desk.asked["page"] < 3:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)
        assert sweeper.last_failure == "The store is down."
        desk.down = False
        while sweeper.last_failure is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])

    patient = desk.new_sweeper(interval_s=3600)
    task = asyncio.create_task(patient.run())
    job_id = desk.upload(manifest=REQUEST, photo=b"png")
    desk.clock.forward(seconds=31)
    patient.now()
    async with asyncio.timeout(PATIENCE_S):
        while await desk.job(job_id) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
