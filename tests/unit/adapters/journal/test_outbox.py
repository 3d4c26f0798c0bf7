"""What waits to go out, in which order, and what replaces what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from jigdesk.domain.changes import Change, OutboxDraft, OutboxKind, OutboxRow
from jigdesk.domain.events import NEW_FILES, PROGRESS, EventDraft
from jigdesk.domain.job import JobStatus

K = OutboxKind
STORE = (K.STATUS, K.STATE, K.PUT, K.DELETE)
STATUS = OutboxDraft(K.STATUS)
PUBLISH = OutboxDraft(K.PUBLISH)


def put(key: str) -> OutboxDraft:
    return OutboxDraft(K.PUT, {"key": key})


async def rows(desk: Any, kinds: Sequence[K] = STORE, limit: int = 100) -> Sequence[OutboxRow]:
    found: Sequence[OutboxRow] = await desk.journal.outbox(kinds, now=desk.clock(), limit=limit)
    return found


async def publish(desk: Any, job_id: str, value: float) -> None:
    draft = EventDraft(PROGRESS, {"status": "running", "stage": "a", "progress": value})
    await desk.journal.apply(job_id, Change(events=(draft,), outbox=(PUBLISH,)))


async def test_of_each_job_only_the_oldest_row_of_the_lane_is_given(desk: Any) -> None:
    one = (await desk.arrive(Change(outbox=(put("1"), put("2"))))).job.job_id
    two = (await desk.arrive(Change(outbox=(put("3"),)))).job.job_id
    first = await rows(desk)
    assert [(row.job_id, row.data["key"]) for row in first] == [(one, "1"), (two, "3")]
    assert len(await rows(desk, limit=1)) == 1
    await desk.journal.outbox_done([first[0].row_id])
    assert [row.data["key"] for row in await rows(desk)] == ["2", "3"]


async def test_a_row_that_waits_for_its_retry_blocks_the_later_ones_of_its_lane_only(
    desk: Any,
) -> None:
    change = Change(events=(EventDraft(NEW_FILES, {}),), outbox=(put("1"), put("2"), PUBLISH))
    await desk.arrive(change)
    (row,) = await rows(desk)
    later = desk.clock() + timedelta(minutes=1)
    await desk.journal.outbox_retry(row.row_id, later)
    assert await rows(desk) == []
    assert [r.data for r in await rows(desk, [K.PUBLISH])] == [{"seq": 1}]
    desk.clock.now = later
    (again,) = await rows(desk)
    assert (again.row_id, again.tries) == (row.row_id, 1)


async def test_a_clock_that_is_set_back_keeps_nothing_from_going_out(desk: Any) -> None:
    await desk.arrive(Change(outbox=(put("1"),)))
    (row,) = await rows(desk)
    desk.clock.now -= timedelta(hours=6)
    assert await rows(desk) == [row]
    await desk.journal.outbox_retry(row.row_id, desk.clock() + timedelta(minutes=1))
    assert await rows(desk) == []
    desk.clock.now -= timedelta(hours=6)
    assert [again.row_id for again in await rows(desk)] == [row.row_id]


async def test_one_status_waits_however_often_it_changes(desk: Any) -> None:
    job_id = await desk.new_job()
    for step in range(5):
        change = Change(fields={"progress": step / 5}, outbox=(STATUS, OutboxDraft(K.STATE)))
        await desk.journal.apply(job_id, change)
    assert (await desk.journal.outbox_lag())[0] == 2
    (row,) = await rows(desk, [K.STATUS])
    await desk.journal.outbox_done([row.row_id])
    assert await rows(desk, [K.STATUS]) == []


async def test_a_row_on_its_way_does_not_swallow_the_newer_state(desk: Any) -> None:
    job_id = (await desk.arrive(Change(outbox=(STATUS,)))).job.job_id
    (sending,) = await rows(desk)
    await desk.journal.apply(job_id, Change(to=JobStatus.CANCELLED, outbox=(STATUS,)))
    await desk.journal.outbox_done([sending.row_id])
    (newer,) = await rows(desk)
    assert newer.row_id > sending.row_id


async def test_a_failed_row_hands_its_backoff_to_the_one_that_replaced_it(desk: Any) -> None:
    job_id = (await desk.arrive(Change(outbox=(STATUS,)))).job.job_id
    (sending,) = await rows(desk)
    for _ in range(2):
        await desk.journal.apply(job_id, Change(outbox=(STATUS,)))
    later = desk.clock() + timedelta(minutes=1)
    await desk.journal.outbox_retry(sending.row_id, later)
    await desk.journal.apply(job_id, Change(outbox=(STATUS,)))
    assert await rows(desk) == []
    desk.clock.now = later
    (row,) = await rows(desk)
    assert row.tries == 1


async def test_a_publish_draft_stands_for_every_event_of_its_change(desk: Any) -> None:
    drafts = (EventDraft(NEW_FILES, {}), EventDraft("job_done", {}))
    await desk.arrive(Change(events=drafts, outbox=(PUBLISH, PUBLISH)))
    seqs = []
    while found := await rows(desk, [K.PUBLISH]):
        seqs += [row.data["seq"] for row in found]
        await desk.journal.outbox_done([row.row_id for row in found])
    assert seqs == [1, 2]


async def test_superseded_progress_is_not_published_any_more(desk: Any) -> None:
    job_id = await desk.new_job()
    for step in range(50):
        await publish(desk, job_id, step / 50)
    seqs = []
    while found := await rows(desk, [K.PUBLISH]):
        seqs += [row.data["seq"] for row in found]
        await desk.journal.outbox_done([row.row_id for row in found])
    assert seqs == [1, 50]


async def test_newer_progress_waits_as_long_as_what_it_superseded(desk: Any) -> None:
    job_id = await desk.new_job()
    for step in range(2):
        await publish(desk, job_id, step / 50)
    (first,) = await rows(desk, [K.PUBLISH])
    await desk.journal.outbox_done([first.row_id])
    (sending,) = await rows(desk, [K.PUBLISH])
    await publish(desk, job_id, 0.5)
    later = desk.clock() + timedelta(minutes=1)
    await desk.journal.outbox_retry(sending.row_id, later)
    await publish(desk, job_id, 0.6)
    assert await rows(desk, [K.PUBLISH]) == []
    desk.clock.now = later
    assert [(r.data["seq"], r.tries) for r in await rows(desk, [K.PUBLISH])] == [(4, 1)]


async def test_lag_counts_the_kinds_that_are_asked_for(desk: Any) -> None:
    assert await desk.journal.outbox_lag() == (0, 0.0)
    await desk.arrive(Change(events=(EventDraft("x", {}),), outbox=(STATUS, put("1"), PUBLISH)))
    assert (await desk.journal.outbox_lag())[0] == 3
    count, age_s = await desk.journal.outbox_lag(STORE)
    assert count == 2
    assert age_s == 2.0  # two looks at the clock since


async def test_pruning_spares_a_job_that_still_has_something_to_send(desk: Any) -> None:
    job_id = await desk.new_job()
    await desk.journal.apply(job_id, Change(to=JobStatus.CANCELLED, outbox=(STATUS,)))
    long_after = desk.clock() + timedelta(days=1)
    assert await desk.journal.prune(long_after, 0) == 0
    (row,) = await rows(desk)
    await desk.journal.outbox_done([row.row_id])
    assert await desk.journal.prune(long_after, 0) == 1
