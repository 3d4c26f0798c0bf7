"""Of all desks on one bucket one runs a job, and it alone writes about it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import Job, JobStatus
from jigdesk.services.changes import STATE, STATUS
from jigdesk.services.claim import Claims
from tests.fakes.store_desk import StoreDesk, store_desk


async def _accepted(desk: StoreDesk, job_id: str | None = None) -> Job:
    job_id = job_id or new_job_id()
    change = Change(outbox=(STATUS,))
    return (await desk.journal.accept(Arrival(job_id, "jig-react", None), change)).job


async def test_the_first_of_two_desks_has_the_job(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as one, store_desk(tmp_path, one.memory, host_id="b") as two:
        job_id = new_job_id()
        first, second = await _accepted(one, job_id), await _accepted(two, job_id)
        answers = await asyncio.gather(one.claims.hold(first), two.claims.hold(second))
        assert sorted(answers) == [False, True]
        assert one.claims.held(job_id) is answers[0]
        again = await asyncio.gather(one.claims.hold(first), two.claims.hold(second))
        assert again == answers


async def test_the_loser_writes_nothing_about_the_job(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as one, store_desk(tmp_path, one.memory, host_id="b") as two:
        job_id = (await _accepted(one)).job_id
        await one.flushed()
        status = one.memory.get(keys.status_key(job_id), 10_000)
        await _accepted(two, job_id)
        await two.flushed()
        assert one.memory.get(keys.status_key(job_id), 10_000) == status
        assert one.document(keys.state_key(job_id))["host_id"] == "desk-1"
        assert await two.journal.outbox_lag() == (0, 0.0)


async def test_a_claim_is_asked_for_once_however_many_ask(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        assert await asyncio.gather(*(desk.claims.hold(job) for _ in range(5))) == [True] * 5
        assert desk.asked == {"put": 1}


async def test_a_desk_that_starts_again_knows_its_own(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        assert await desk.claims.hold(job)
        again = Claims(desk.journal, desk.store, "desk-1")
        assert not again.held(job.job_id)
        assert await again.hold(job)


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled"])
async def test_what_ended_in_a_lost_journal_is_not_run_again(tmp_path: Path, status: str) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        desk.claimed(job.job_id, "desk-1", status, attempt=2)
        assert not await desk.claims.hold(job)


async def test_the_next_attempt_of_a_job_that_ended_is_ours(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        desk.claimed(job.job_id, "desk-1", "failed")
        await desk.journal.apply(job.job_id, Change(to=JobStatus.FAILED))
        ended = await desk.journal.apply(
            job.job_id, Change(to=JobStatus.ACCEPTED, new_attempt=True, fields={"message": "again"})
        )
        assert ended is not None
        assert ended.attempt == 2
        assert await desk.claims.hold(ended)


async def test_what_is_still_due_of_an_ended_job_goes_out(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        await desk.journal.apply(job.job_id, Change(to=JobStatus.FAILED, outbox=(STATE, STATUS)))
        desk.claimed(job.job_id, "desk-1", "failed")  # the desk died before it noted that down
        await desk.flushed()
        assert desk.document(keys.status_key(job.job_id))["status"] == "failed"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 10_000, b'{"host_id": 7}', b"\xff"])
async def test_a_broken_claim_is_replaced_by_one_desk_alone(tmp_path: Path, body: bytes) -> None:
    async with store_desk(tmp_path) as one, store_desk(tmp_path, one.memory, host_id="b") as two:
        job_id = new_job_id()
        one.memory.put(keys.state_key(job_id), body)
        first, second = await _accepted(one, job_id), await _accepted(two, job_id)
        answers = await asyncio.gather(one.claims.hold(first), two.claims.hold(second))
        assert sorted(answers) == [False, True]


async def test_no_answer_is_no_claim(tmp_path: Path) -> None:
    async with store_desk(tmp_path) as desk:
        job = await _accepted(desk)
        desk.down = True
        with pytest.raises(StoreUnavailable):
            await desk.claims.hold(job)
        desk.down = False
        assert await desk.claims.hold(job)
