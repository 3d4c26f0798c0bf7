"""The table over a real journal with 10,000 jobs: order, filters, pages, and rows that stay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from PySide6.QtCore import QPersistentModelIndex, Qt
from pytestqt.qtbot import QtBot

from jigdesk.domain.changes import Arrival, Change, JobQuery
from jigdesk.domain.clock import utc_now
from jigdesk.domain.events import ACCEPTED, PROGRESS, Event, EventDraft
from jigdesk.domain.job import Job, JobStatus
from tests.fakes.journal_thread import JournalThread
from tests.ui.jobs import a_job
from ui.bridge import Bridge
from ui.inbox import Batch
from ui.queue.columns import COLUMNS, Column
from ui.queue.model import MOVING_BEATS, REFRESH_BEATS, QueueModel, with_sort
from ui.queue.told import Told
from ui.queue.window_of_rows import PAGE_ROWS, PAGES_KEPT

MANY = 10_000
NEW_ID = "01234567-89ab-4cde-8f01-23456789abcd"


@pytest.fixture
def parts(
    qtbot: QtBot, journal_bridge: tuple[Bridge, JournalThread]
) -> Iterator[tuple[QueueModel, JournalThread]]:
    bridge, thread = journal_bridge
    model = QueueModel(bridge)
    model.show(JobQuery())
    qtbot.waitUntil(lambda: model.is_read)
    yield model, thread
    bridge.close()  # pages that are still on their way are not for a model that is gone
    model.deleteLater()


def ask(thread: JournalThread, query: JobQuery) -> list[str]:
    async def read(core: Any) -> list[str]:
        return [job.job_id for job in (await core.journal.page(query)).jobs]

    return list(thread.submit(read).result(90))


def shown(model: QueueModel, count: int) -> list[str]:
    return [job.job_id for row in range(count) if (job := model.job(row)) is not None]


def beat(qtbot: QtBot, model: QueueModel) -> None:
    """Beats until what is stale has been read."""
    with qtbot.waitSignal(model.shown):
        for number in range(1, REFRESH_BEATS + 1):
            model.beat(number)


def test_qt_finds_no_fault_with_it(
    qtmodeltester: Any, parts: tuple[QueueModel, JournalThread]
) -> None:
    qtmodeltester.check(parts[0], force_py=True)


def test_it_has_every_job_and_loads_few(parts: tuple[QueueModel, JournalThread]) -> None:
    model, _ = parts
    assert model.rowCount() == MANY
    assert len(model.loaded()) <= 3 * PAGE_ROWS


@pytest.mark.parametrize("column", list(COLUMNS))
@pytest.mark.parametrize("descending", [True, False])
def test_every_column_sorts_as_the_journal_does(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread], column: Column, descending: bool
) -> None:
    model, thread = parts
    query = with_sort(JobQuery(), column, descending=descending)
    model.show(query)
    qtbot.waitUntil(lambda: model.is_read)
    assert shown(model, 150) == ask(thread, replace(query, limit=150))


def test_filters_and_search_find_what_the_journal_finds(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, _ = parts
    model.show(JobQuery(states=(JobStatus.FAILED,)))
    qtbot.waitUntil(lambda: model.is_read)
    failed = model.rowCount()
    assert 0 < failed < MANY
    assert all(model.job(row).status is JobStatus.FAILED for row in range(100))  # type: ignore[union-attr]
    model.show(JobQuery(states=(JobStatus.FAILED,), text="visitor-0042"))
    qtbot.waitUntil(lambda: model.is_read)
    assert 0 < model.rowCount() < failed
    model.show(JobQuery(text="nobody has this"))
    qtbot.waitUntil(lambda: model.is_read)
    assert model.rowCount() == 0


def test_a_row_beyond_is_read_when_it_is_looked_at(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, thread = parts
    row = 7_777
    assert model.job(row) is None
    with qtbot.waitSignal(model.dataChanged):
        assert model.data(model.index(row, Column.JOB)) is None
    job = model.job(row)
    assert job is not None
    assert ask(thread, JobQuery(offset=row, limit=1)) == [job.job_id]
    assert model.data(model.index(row, Column.JOB), Qt.ItemDataRole.ToolTipRole) == job.job_id


def test_memory_stays_bounded_when_everything_is_looked_at(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, _ = parts
    for row in range(0, MANY, PAGE_ROWS):
        model.data(model.index(row, 0))
        qtbot.waitUntil(lambda row=row: model.job(row) is not None)
    assert len(model.loaded()) <= PAGES_KEPT * PAGE_ROWS


def test_progress_changes_one_row_in_place(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, _ = parts
    job = next(j for r in range(40) if (j := model.job(r)) and j.status is JobStatus.RUNNING)
    row = model.row_of(job.job_id)
    changed: list[tuple[int, int, int, int]] = []
    model.dataChanged.connect(
        lambda a, b: changed.append((a.row(), b.row(), a.column(), b.column()))
    )
    newer = replace(job, progress=0.7, message="step 21/30", seq=job.seq + 1)
    model.take(Batch(jobs=(newer,)))
    assert changed == [(row, row, Column.PROGRESS, Column.ETA)]
    assert model.data(model.index(row, Column.PROGRESS)) == "KSampler · step 21/30"
    assert model.told.bar(newer) == 0.7


def test_any_other_change_is_the_whole_rows(parts: tuple[QueueModel, JournalThread]) -> None:
    model, _ = parts
    job = next(j for r in range(40) if (j := model.job(r)) and j.status is JobStatus.RUNNING)
    changed: list[tuple[int, int]] = []
    model.dataChanged.connect(lambda a, b: changed.append((a.column(), b.column())))
    for newer in (
        replace(job, stage_index=1, stage_count=3),
        replace(job, workflow="another"),
        replace(job, attempt=job.attempt + 1),
        replace(job, status=JobStatus.UPLOADING),
    ):
        changed.clear()
        model.take(Batch(jobs=(newer,)))
        assert changed == [(Column.STATE, Column.CREATED)]


def test_a_bar_never_jumps_back_within_an_attempt(
    parts: tuple[QueueModel, JournalThread],
) -> None:
    model, _ = parts
    job = next(j for r in range(40) if (j := model.job(r)) and j.status is JobStatus.RUNNING)
    model.take(Batch(jobs=(replace(job, progress=0.8),)))
    older = replace(job, progress=0.5)
    model.take(Batch(jobs=(older,)))
    assert model.told.bar(older) == 0.8
    model.take(Batch(jobs=(replace(job, progress=None),)))
    assert model.told.bar(replace(job, progress=None)) == 0.8
    again = replace(job, attempt=job.attempt + 1, progress=None)
    model.take(Batch(jobs=(again,)))
    assert model.told.bar(again) is None


def accept(thread: JournalThread, job_id: str) -> Job:
    async def take(core: Any) -> Job:
        change = Change(events=(EventDraft(ACCEPTED, {"status": "accepted", "position": 1}),))
        return (await core.journal.accept(Arrival(job_id, "jig-react", None), change)).job

    return thread.submit(take).result(90)


def test_a_new_job_comes_on_top_and_indexes_stay_with_their_jobs(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, thread = parts
    kept = {row: model.job(row).job_id for row in (0, 5, 99)}  # type: ignore[union-attr]
    marks = {row: QPersistentModelIndex(model.index(row, 2)) for row in kept}
    job = accept(thread, NEW_ID)
    model.take(Batch(jobs=(job,), events=(Event(NEW_ID, 1, ACCEPTED, job.created_at, {}),)))
    beat(qtbot, model)
    assert model.rowCount() == MANY + 1
    assert model.job(0) == job
    for row, mark in marks.items():
        assert mark.row() == row + 1
        assert model.job(mark.row()).job_id == kept[row]  # type: ignore[union-attr]


def test_a_job_that_leaves_the_filter_goes_and_the_rest_moves_up(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, thread = parts
    model.show(JobQuery(states=(JobStatus.RUNNING,)))
    qtbot.waitUntil(lambda: model.is_read)
    count = model.rowCount()
    first, second = model.job(0), model.job(1)
    assert first is not None
    assert second is not None
    mark = QPersistentModelIndex(model.index(1, 0))
    gone = QPersistentModelIndex(model.index(0, 0))

    async def end(core: Any) -> Job:
        change = Change(to=JobStatus.FAILED, fields={"message": "No."})
        return await core.journal.apply(first.job_id, change)

    model.take(Batch(jobs=(thread.submit(end).result(90),)))
    beat(qtbot, model)
    assert model.rowCount() == count - 1
    assert mark.row() == 0
    assert not gone.isValid()


def test_fifty_jobs_that_only_progress_cause_no_reading(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, _ = parts
    readings: list[int] = []
    model.shown.connect(readings.append)
    running = [model.job(row) for row in range(40)]
    for step in range(20):
        rows = tuple(
            replace(job, seq=job.seq + step, message=f"step {step}") for job in running if job
        )
        events = tuple(Event(j.job_id, j.seq, PROGRESS, j.updated_at, {}) for j in rows)
        model.take(Batch(jobs=rows, events=events[:0]))
        model.beat(step)
    qtbot.wait(50)
    assert readings == []


def test_a_query_that_fails_is_told_and_leaves_no_rows_of_another(
    qtbot: QtBot, parts: tuple[QueueModel, JournalThread]
) -> None:
    model, _ = parts
    with qtbot.waitSignal(model.unreadable) as told:
        model.show(replace(JobQuery(), sort="nonsense"))
    assert "nonsense" in told.args[0]
    assert model.rowCount() == 0
    model.show(JobQuery())
    qtbot.waitUntil(lambda: model.is_read)
    assert model.rowCount() == MANY


def test_every_cell_of_every_state_has_words(parts: tuple[QueueModel, JournalThread]) -> None:
    model, _ = parts
    job = model.job(0)
    assert job is not None
    for status in JobStatus:
        for column in Column:
            words = model.told.words(replace(job, status=status), column)
            assert isinstance(words, str)
        assert model.told.words(replace(job, status=status), Column.PROGRESS)
        assert model.told.words(replace(job, status=status), Column.STATE)


def test_rows_that_move_all_the_time_are_read_about_once_a_second(
    parts: tuple[QueueModel, JournalThread], qtbot: QtBot
) -> None:
    model, _ = parts
    reads: list[int] = []
    model.shown.connect(reads.append)
    came = Event("nobody-knows-it", 1, ACCEPTED, utc_now(), {})
    for number in range(1, 61):
        model.take(Batch(events=(came,)))
        model.beat(number)
        qtbot.wait(5)
    assert 1 <= len(reads) <= 2 + 60 // MOVING_BEATS


def test_attempts_whose_end_was_never_seen_leave_nothing_behind() -> None:
    """Of changes that come close together only the newest reaches the window."""
    job = a_job(JobStatus.RUNNING)
    told = Told(utc_now())
    for attempt in range(1, 6):
        told.keep_bar(replace(job, attempt=attempt, progress=0.5))
    assert len(told._bars) == 1
    told.keep_bar(replace(job, attempt=5, progress=0.4))
    assert told.bar(replace(job, attempt=5, progress=0.4)) == 0.5
    assert told.bar(replace(job, attempt=6, progress=0.1)) == 0.1
