"""What crosses: the newest row and preview win, changes of state are never dropped singly."""

from __future__ import annotations

from datetime import UTC, datetime

from jigdesk.domain.engine import Preview
from jigdesk.domain.events import COMPLETED, NEW_FILES, PROGRESS, Event
from jigdesk.domain.job import Job, JobStatus
from ui import inbox
from ui.inbox import Inbox

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def job(job_id: str, seq: int, status: JobStatus = JobStatus.RUNNING) -> Job:
    return Job(job_id, "b", status, seq, 1, NOW, NOW, progress=seq / 1000)


def event(job_id: str, seq: int, name: str) -> Event:
    return Event(job_id, seq, name, NOW, {})


def test_nothing_waits_at_first_and_after_taking() -> None:
    box = Inbox()
    assert box.take() is None
    box.changed([event("a", 1, PROGRESS)], [job("a", 1)])
    assert box.take() is not None
    assert box.take() is None


def test_a_thousand_progress_events_become_one_row() -> None:
    box = Inbox()
    for seq in range(1, 1001):
        box.changed([event("a", seq, PROGRESS)], [job("a", seq)])
    batch = box.take()
    assert batch is not None
    assert [row.seq for row in batch.jobs] == [1000]
    assert batch.events == ()


def test_changes_of_state_stay_in_order_between_progress() -> None:
    box = Inbox()
    names = [NEW_FILES, PROGRESS, NEW_FILES, PROGRESS, COMPLETED]
    for seq, name in enumerate(names, 1):
        box.changed([event("a", seq, name)], [job("a", seq)])
    batch = box.take()
    assert batch is not None
    assert [e.seq for e in batch.events] == [1, 3, 5]


def test_the_newest_preview_wins_and_few_are_kept() -> None:
    box = Inbox()
    for number in range(inbox.MAX_PREVIEWS + 3):
        box.preview(f"job-{number}", Preview(None, "image/jpeg", b"old"))
        box.preview(f"job-{number}", Preview(None, "image/jpeg", b"new"))
    batch = box.take()
    assert batch is not None
    assert batch.previews is not None
    assert len(batch.previews) == inbox.MAX_PREVIEWS
    assert {frame.data for frame in batch.previews.values()} == {b"new"}


def test_what_does_not_fit_is_told_so_that_the_journal_is_read() -> None:
    box = Inbox()
    for seq in range(inbox.MAX_EVENTS + 1):
        box.changed([event("a", seq, NEW_FILES)], [job("a", seq)])
    batch = box.take()
    assert batch is not None
    assert batch.missed
    assert len(batch.events) <= inbox.MAX_EVENTS
    box.changed([event("a", 1, NEW_FILES)], [job("a", 1)])
    after = box.take()
    assert after is not None
    assert not after.missed


def progress(box: Inbox, seq: int, *job_ids: str) -> None:
    for job_id in job_ids:
        box.changed([event(job_id, seq, PROGRESS)], [job(job_id, seq)])


def taken(box: Inbox) -> dict[str, int]:
    batch = box.take()
    return {} if batch is None else {row.job_id: row.seq for row in batch.jobs}


def test_jobs_that_only_come_on_take_turns() -> None:
    box = Inbox()
    many = [f"job-{number}" for number in range(2 * inbox.MAX_COMING_ON + 1)]
    progress(box, 1, *many)
    assert set(taken(box)) == set(many)  # that they run is news
    progress(box, 2, *many)
    progress(box, 3, *many)
    first = taken(box)
    assert list(first) == many[: inbox.MAX_COMING_ON]
    progress(box, 4, *many)
    second = taken(box)
    assert list(second) == many[inbox.MAX_COMING_ON : 2 * inbox.MAX_COMING_ON]
    assert set(second.values()) == {4}
    third = taken(box)
    assert many[-1] in third
    assert len(third) == inbox.MAX_COMING_ON


def test_news_goes_first_and_so_does_the_job_that_is_looked_at() -> None:
    box = Inbox()
    many = [f"job-{number}" for number in range(3 * inbox.MAX_COMING_ON)]
    progress(box, 1, *many)
    taken(box)
    progress(box, 2, *many)
    box.follow(many[-1])
    box.changed([event(many[-2], 3, COMPLETED)], [job(many[-2], 3, JobStatus.COMPLETED)])
    box.changed([event(many[-3], 3, PROGRESS)], [job(many[-3], 3, JobStatus.UPLOADING)])
    assert set(taken(box)) == {*many[: inbox.MAX_COMING_ON], *many[-3:]}
    box.follow(None)
    progress(box, 4, many[-1])
    assert many[-1] not in taken(box)
