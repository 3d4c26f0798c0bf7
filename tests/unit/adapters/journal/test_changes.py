"""What one change does to a job and to what hangs on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jigdesk.domain.changes import Arrival, Change, ResultFile, StageRun, StageState
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.events import ACCEPTED, INPUTS, NEW_FILES, PROGRESS, Event, EventDraft
from jigdesk.domain.job import Failure, IllegalMove, Job, JobStatus

S = JobStatus
ID = "7d1f0c3e-0000-4000-8000-0000000000e2"
OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"
FAILURE = Failure(ErrorCode.OUT_OF_MEMORY, "Out of memory.", True, stage="a", node="3")
WAY = (S.PREPARING, S.QUEUED, S.RUNNING, S.UPLOADING, S.CONFIRMING, S.COMPLETED)


def progress(value: float, stage: str | None = "a", status: str = "running") -> EventDraft:
    return EventDraft(PROGRESS, {"status": status, "stage": stage, "progress": value})


async def move(desk: Any, job_id: str, *way: JobStatus) -> Job:
    for to in way:
        job = await desk.journal.apply(job_id, Change(to=to))
    return job


async def test_an_accepted_job_is_there_with_its_event_attempt_and_webhook(desk: Any) -> None:
    change = Change(events=(EventDraft(ACCEPTED, {"position": 1}),), fields={"message": "Hello."})
    answer = await desk.journal.accept(Arrival(ID, "b", "msg_1", "client:abcdefgh"), change)
    job = answer.job
    assert not answer.duplicate
    assert (job.status, job.seq, job.attempt, job.message) == (S.ACCEPTED, 1, 1, "Hello.")
    assert job.owner_id == "client:abcdefgh"
    assert await desk.journal.job(ID) == job
    assert [e.name for e in await desk.journal.events(ID)] == [ACCEPTED]
    assert [a.attempt for a in await desk.journal.attempts(ID)] == [1]
    assert await desk.journal.seen_webhook("msg_1") == ID


async def test_the_same_webhook_or_job_again_is_a_duplicate(desk: Any) -> None:
    first = await desk.journal.accept(Arrival(ID, "b", "msg_1"), Change())
    again = await desk.journal.accept(Arrival(ID, "b", "msg_1"), Change())
    other_id = await desk.journal.accept(Arrival(ID, "b", "msg_2"), Change())
    assert (again.duplicate, again.job) == (True, first.job)
    assert (other_id.duplicate, other_id.job) == (True, first.job)
    assert await desk.journal.seen_webhook("msg_2") is None, "a 200 remembers nothing"
    assert len(await desk.journal.active()) == 1


async def test_a_forgotten_job_leaves_nothing_and_may_arrive_again(desk: Any) -> None:
    await desk.journal.accept(Arrival(ID, "b", "msg_1"), Change(events=(progress(0.1),)))
    await desk.journal.forget(ID)
    assert await desk.journal.job(ID) is None
    assert await desk.journal.events(ID) == []
    assert await desk.journal.seen_webhook("msg_1") is None
    assert not (await desk.journal.accept(Arrival(ID, "b", "msg_1"), Change())).duplicate


async def test_seq_goes_on_after_events_that_were_before_the_job(desk: Any) -> None:
    for number in range(3):
        event = await desk.journal.record_event(ID, EventDraft(INPUTS, {"keys_changed": [number]}))
    assert event.seq == 3
    job = (await desk.journal.accept(Arrival(ID, "b", None), Change())).job
    assert job.seq == 3
    job = await desk.journal.apply(ID, Change(events=(progress(0.1), progress(0.2))))
    assert job.seq == 5
    assert (await desk.journal.record_event(ID, EventDraft(INPUTS, {}))).seq == 6
    assert (await desk.journal.job(ID)).seq == 6 == await desk.journal.last_seq(ID)


async def test_an_unexpected_status_changes_nothing(desk: Any) -> None:
    job_id = await desk.new_job()
    change = Change(to=S.PREPARING, events=(progress(0.5),))
    assert await desk.journal.apply(job_id, change, expect=[S.QUEUED]) is None
    assert (await desk.journal.job(job_id)).status is S.ACCEPTED
    assert await desk.journal.events(job_id) == []
    assert (await desk.journal.apply(job_id, change, expect=[S.ACCEPTED])).status is S.PREPARING


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (Change(to=S.COMPLETED), IllegalMove),
        (Change(fields={"colour": "red"}), KeyError),
        (Change(fields={"seq": 7}), KeyError),
        (Change(fields={"progress": 0.5}, events=(EventDraft("x", {"bad": object()}),)), TypeError),
    ],
)
async def test_a_bug_raises_and_leaves_the_job_as_it_was(
    desk: Any, change: Change, error: type[Exception]
) -> None:
    job = (await desk.arrive()).job
    with pytest.raises(error):
        await desk.journal.apply(job.job_id, change)
    assert await desk.journal.job(job.job_id) == job
    assert await desk.journal.events(job.job_id) == []


async def test_an_unknown_job_is_a_key_error(desk: Any) -> None:
    with pytest.raises(KeyError):
        await desk.journal.apply(ID, Change())


async def test_an_end_sets_the_time_and_closes_the_attempt(desk: Any) -> None:
    job_id = await desk.new_job()
    fields = {"failure": FAILURE, "message": "Out of memory."}
    job = await desk.journal.apply(job_id, Change(to=S.FAILED, fields=fields))
    assert job.finished_at == job.updated_at
    assert (await desk.journal.job(job_id)).failure == FAILURE
    (attempt,) = await desk.journal.attempts(job_id)
    assert (attempt.status, attempt.code) == (S.FAILED, "out_of_memory")
    assert attempt.ended_at == job.finished_at


async def test_a_final_status_is_left_only_by_a_new_attempt(desk: Any) -> None:
    job_id = await desk.new_job()
    await move(desk, job_id, S.CANCELLED)
    with pytest.raises(IllegalMove):
        await desk.journal.apply(job_id, Change(to=S.ACCEPTED))
    with pytest.raises(IllegalMove):
        await desk.journal.apply(job_id, Change(new_attempt=True))


async def test_a_new_attempt_begins_clean_and_says_why(desk: Any) -> None:
    job_id = await desk.new_job()
    await move(desk, job_id, S.PREPARING, S.QUEUED, S.RUNNING)
    fields = {"progress": 0.4, "stage": "a", "node": "3", "eta_s": 9.0, "started_at": desk.clock()}
    await desk.journal.apply(job_id, Change(fields=fields, events=(progress(0.4),)))
    job = await desk.journal.apply(
        job_id,
        Change(
            to=S.ACCEPTED,
            new_attempt=True,
            fields={"message": "Again, with memory freed.", "failure": FAILURE},
        ),
    )
    assert (job.attempt, job.message, job.seq) == (2, "Again, with memory freed.", 1)
    assert {job.progress, job.stage, job.node, job.eta_s, job.failure, job.started_at} == {None}
    first, second = await desk.journal.attempts(job_id)
    assert (first.status, first.code) == (S.FAILED, "out_of_memory")
    assert (second.reason, second.ended_at) == ("Again, with memory freed.", None)


async def test_newer_progress_supersedes_all_but_the_first_of_each_stage(desk: Any) -> None:
    job_id = await desk.new_job()
    for stage in ("a", "b"):
        for step in range(5):
            await desk.journal.apply(job_id, Change(events=(progress(step / 10, stage),)))
    await desk.journal.apply(job_id, Change(events=(progress(0.9, "b", "uploading"),)))
    kept = [(e.seq, e.data["stage"], e.data["progress"]) for e in await desk.journal.events(job_id)]
    assert kept == [(1, "a", 0), (5, "a", 0.4), (6, "b", 0), (10, "b", 0.4), (11, "b", 0.9)]


@pytest.mark.parametrize(("name", "kept"), [(INPUTS, 200), (NEW_FILES, 2000)])
async def test_other_events_are_bounded_too(desk: Any, name: str, kept: int) -> None:
    drafts = tuple(EventDraft(name, {"number": n}) for n in range(kept + 10))
    job_id = (await desk.arrive(Change(events=drafts))).job.job_id
    events = await desk.journal.events(job_id, limit=5000)
    assert [e.data["number"] for e in events] == list(range(10, kept + 10))
    assert (await desk.journal.job(job_id)).seq == kept + 10


async def test_events_come_in_pages(desk: Any) -> None:
    drafts = tuple(EventDraft(NEW_FILES, {"n": n}) for n in range(10))
    job_id = (await desk.arrive(Change(events=drafts))).job.job_id
    assert [e.seq for e in await desk.journal.events(job_id, after_seq=4, limit=3)] == [5, 6, 7]


async def test_stage_runs_are_the_newest_of_each_stage_in_the_order_they_began(desk: Any) -> None:
    job_id = await desk.new_job()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    file = ResultFile("outputs/k", "a", "result", "3", 0, "image", "image/png", 5, "00", 8, 8)
    runs = [
        StageRun("b", 1, "p1", StageState.FAILED, at, at + timedelta(seconds=2)),
        StageRun("a", 1, "p2", StageState.POSTING, at - timedelta(seconds=5)),
        StageRun("b", 2, "p3", StageState.POSTING, at + timedelta(seconds=9)),
        StageRun(
            "a",
            1,
            "p2",
            StageState.STORED,
            at - timedelta(seconds=5),
            at,
            files=(file,),
            run_s=1.5,
            nodes={"3": {"seconds": 1.0, "state": "done"}},
        ),
    ]
    for run in runs:
        await desk.journal.apply(job_id, Change(stage_runs=(run,)))
    assert await desk.journal.stage_runs(job_id) == [runs[3], runs[2]]


async def test_a_plan_is_stored_and_read(desk: Any) -> None:
    job_id = await desk.new_job()
    assert await desk.journal.plan(job_id) is None
    await desk.journal.apply(job_id, Change(plan={"version": 1, "stages": [{"name": "ä"}]}))
    assert await desk.journal.plan(job_id) == {"version": 1, "stages": [{"name": "ä"}]}


async def test_lone_surrogates_in_a_text_do_not_break_the_row(desk: Any) -> None:
    job_id = await desk.new_job()
    draft = EventDraft(PROGRESS, {"stage": "\ud800"})
    job = await desk.journal.apply(
        job_id, Change(fields={"message": "bad \ud800 text"}, events=(draft,))
    )
    assert await desk.journal.job(job_id) == job
    assert job.message == "bad ? text"
    assert (await desk.journal.events(job_id))[0].data == draft.data


async def test_the_queue_is_in_order_of_priority_and_arrival(desk: Any) -> None:
    ids = [await desk.new_job() for _ in range(4)]
    await desk.journal.apply(ids[2], Change(fields={"priority": 5}))
    await move(desk, ids[0], *WAY)
    assert [job.job_id for job in await desk.journal.active()] == [ids[2], ids[1], ids[3]]
    counts = await desk.journal.counts()
    assert (counts[S.COMPLETED], counts[S.ACCEPTED], counts[S.FAILED]) == (1, 3, 0)


async def test_active_jobs_are_counted_by_workflow(desk: Any) -> None:
    ids = [await desk.new_job() for _ in range(4)]
    for job_id in ids[:3]:
        await desk.journal.apply(job_id, Change(fields={"workflow": "blur"}))
    await move(desk, ids[0], *WAY)
    await move(desk, ids[1], S.PREPARING)
    assert await desk.journal.active_counts() == {
        (S.PREPARING, "blur"): 1,
        (S.ACCEPTED, "blur"): 1,
        (S.ACCEPTED, ""): 1,
    }


async def test_listeners_hear_each_commit_in_order_before_the_caller_goes_on(desk: Any) -> None:
    heard: list[tuple[list[Event], list[Job]]] = []

    def listen(events: Any, jobs: Any) -> None:
        heard.append((list(events), list(jobs)))

    unsubscribe = desk.journal.subscribe(listen)
    job_id = (await desk.arrive(Change(events=(EventDraft(ACCEPTED, {}),)))).job.job_id
    assert [(e.seq, e.name) for e in heard[0][0]] == [(1, ACCEPTED)]
    await move(desk, job_id, S.PREPARING, S.QUEUED)
    assert [job.status for _, jobs in heard for job in jobs] == [S.ACCEPTED, S.PREPARING, S.QUEUED]
    unsubscribe()
    await move(desk, job_id, S.RUNNING)
    assert len(heard) == 3


async def test_times_of_nodes_are_learned_with_a_weight(desk: Any) -> None:
    await desk.journal.learn_node_seconds("blur", {"1": 10.0, "2": 1.0})
    await desk.journal.learn_node_seconds("blur", {"1": 20.0})
    assert await desk.journal.node_seconds("blur") == pytest.approx({"1": 13.0, "2": 1.0})
    assert await desk.journal.node_seconds("other") == {}


async def test_queue_flags_are_set_and_cleared(desk: Any) -> None:
    assert await desk.journal.queue_flag("paused") is None
    await desk.journal.set_queue_flag("paused", "by hand")
    assert await desk.journal.queue_flag("paused") == "by hand"
    await desk.journal.set_queue_flag("paused", None)
    assert await desk.journal.queue_flag("paused") is None


async def test_pruning_takes_old_ends_and_the_oldest_beyond_the_number_kept(desk: Any) -> None:
    ids = [await desk.new_job() for _ in range(130)]
    for job_id in ids[:-1]:
        await move(desk, job_id, S.CANCELLED)
    cut = (await desk.journal.job(ids[60])).finished_at
    await desk.journal.record_event(OTHER, EventDraft(INPUTS, {}))
    assert await desk.journal.prune(cut, 1000) == 60
    assert await desk.journal.job(ids[59]) is None
    assert await desk.journal.attempts(ids[59]) == []
    assert await desk.journal.prune(cut, 10) == 59
    left = (*ids[119:], OTHER)
    assert [await desk.journal.job(i) is not None for i in left] == [True] * 11 + [False]
    assert await desk.journal.last_seq(OTHER) == 1
    await desk.journal.prune(desk.clock() + timedelta(seconds=1), 1000)
    assert await desk.journal.last_seq(OTHER) == 0
    assert (await desk.journal.job(ids[-1])).status is S.ACCEPTED


async def test_old_webhooks_are_dropped_as_new_ones_come(desk: Any) -> None:
    await desk.journal.remember_webhook("old", ID)
    desk.clock.now += timedelta(days=31)
    await desk.journal.remember_webhook("new", ID)
    assert await desk.journal.seen_webhook("old") is None
    assert await desk.journal.seen_webhook("new") == ID
