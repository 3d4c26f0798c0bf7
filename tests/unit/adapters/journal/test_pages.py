"""Pages of jobs: each order and filter gives each job once."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from jigdesk.adapters.journal.pages import SORTS
from jigdesk.domain.changes import Change, JobQuery
from jigdesk.domain.errors import RequestError
from jigdesk.domain.job import Job, JobStatus

S = JobStatus


async def fill(desk: Any) -> list[Job]:
    """30 jobs with ties and gaps in every column."""
    jobs = []
    for n in range(30):
        fields: dict[str, Any] = {"priority": n % 3, "message": f"Größe-{n}."}
        if n % 2:
            fields |= {"workflow": ["blur", "upscale"][n % 4 // 2], "progress": n % 5 / 5}
        if n % 3 == 0:
            fields |= {"eta_s": float(n % 4), "started_at": desk.clock()}
        change = Change(fields=fields)
        owner = f"client:abcdefgh{n % 4}" if n % 4 else None
        job = (await desk.arrive(change, owner_id=owner)).job
        if n % 5 == 0:
            job = await desk.journal.apply(job.job_id, Change(to=S.CANCELLED))
        jobs.append(job)
    return jobs


async def walk(desk: Any, **asked: Any) -> list[Job]:
    found: list[Job] = []
    cursor = None
    while True:
        page = await desk.journal.page(JobQuery(limit=7, cursor=cursor, **asked))
        found += page.jobs
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor


@pytest.mark.parametrize("descending", [True, False])
async def test_each_order_gives_each_job_once(desk: Any, descending: bool) -> None:
    everything = {job.job_id for job in await fill(desk)}
    for sort in SORTS:
        found = await walk(desk, sort=sort, descending=descending)
        assert len(found) == 30
        assert {job.job_id for job in found} == everything
        whole = await desk.journal.page(JobQuery(sort=sort, descending=descending, limit=100))
        assert list(whole.jobs) == found
        assert whole.next_cursor is None
        part = await desk.journal.page(
            JobQuery(sort=sort, descending=descending, limit=5, offset=12)
        )
        assert list(part.jobs) == found[12:17]


async def test_orders_follow_their_column_with_unknown_lowest(desk: Any) -> None:
    await fill(desk)
    values = [job.progress for job in await walk(desk, sort="progress", descending=False)]
    known = [value for value in values if value is not None]
    assert values[: 30 - len(known)] == [None] * (30 - len(known))
    assert known == sorted(known)
    states = [job.status for job in await walk(desk, sort="status", descending=False)]
    assert states == [S.ACCEPTED] * 24 + [S.CANCELLED] * 6


async def test_filters_combine(desk: Any) -> None:
    jobs = await fill(desk)
    found = await walk(desk, states=(S.CANCELLED,), owner_id="client:abcdefgh1")
    wanted = [j for j in jobs if j.status is S.CANCELLED and j.owner_id == "client:abcdefgh1"]
    assert sorted(j.job_id for j in found) == sorted(j.job_id for j in wanted)
    assert wanted
    query = JobQuery(states=(S.CANCELLED,), owner_id="client:abcdefgh1", limit=1)
    assert await desk.journal.count(query) == len(wanted)


async def test_text_searches_id_owner_workflow_and_message_in_any_case(desk: Any) -> None:
    jobs = await fill(desk)
    assert [j.message for j in await walk(desk, text="GRÖßE-17.")] == ["Größe-17."]
    assert [j.job_id for j in await walk(desk, text=jobs[3].job_id[5:20].upper())] == [
        jobs[3].job_id
    ]
    assert {j.workflow for j in await walk(desk, text="upsc")} == {"upscale"}
    assert {j.owner_id for j in await walk(desk, text="abcdefgh2 blur")} <= {"client:abcdefgh2"}
    assert await walk(desk, text="100%_") == []
    await desk.journal.apply(jobs[0].job_id, Change(fields={"message": "needle"}))
    assert [j.job_id for j in await walk(desk, text="needle")] == [jobs[0].job_id]
    assert await desk.journal.count(JobQuery(text="größe")) == 29


@pytest.mark.parametrize(
    "cursor",
    [
        "nonsense",
        "é",
        "x" * 3000,
        base64.urlsafe_b64encode(b"[1,2]").decode(),
        base64.urlsafe_b64encode(b'["created_at",true,{"a":1},5]').decode(),
        base64.urlsafe_b64encode(b'["created_at",true,99999999999999999999,5]').decode(),
        base64.urlsafe_b64encode(b'["created_at",true,5,-1]').decode(),
        base64.urlsafe_b64encode(b'["progress",true,0.5,5]').decode(),
        base64.urlsafe_b64encode(b"[" * 1200).decode()[:1999],
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(desk: Any, cursor: str) -> None:
    with pytest.raises(RequestError) as refused:
        await desk.journal.page(JobQuery(cursor=cursor))
    assert (refused.value.status, refused.value.field) == (400, "cursor")


async def test_an_unknown_order_is_refused_with_those_that_are_known(desk: Any) -> None:
    with pytest.raises(RequestError, match="created_at") as refused:
        await desk.journal.page(JobQuery(sort="1; DROP TABLE jobs"))
    assert refused.value.status == 400


async def test_every_order_walks_an_index_that_holds_the_filters(desk: Any) -> None:
    import sqlite3

    await desk.new_job()
    with sqlite3.connect(f"{desk.path.as_uri()}?mode=ro", uri=True) as db:
        for key in SORTS.values():
            plan = db.execute(
                "EXPLAIN QUERY PLAN SELECT * FROM jobs WHERE +status = 'failed' "  # noqa: S608
                f"ORDER BY {key} DESC, id DESC LIMIT 50"
            ).fetchall()
            (line,) = [row[3] for row in plan]
            index = line.partition("USING INDEX ")[2]
            columns = [row[2] for row in db.execute(f"PRAGMA index_info({index})")]
            assert columns == [key, "id", "status", "owner_id"]
    db.close()
