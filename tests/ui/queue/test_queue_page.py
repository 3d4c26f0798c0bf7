"""The queue's page over a real core: commands, filters, search, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.events import ACCEPTED, EventDraft
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import FINAL, Job, JobStatus
from tests.ui.conftest import OpenDesk, eventually
from tests.ui.jobs import chain, send
from ui.frame.question import Question
from ui.inspector.panel import Inspector
from ui.queue.chips import Chips
from ui.queue.columns import Column
from ui.queue.page import QueuePage


def add_jobs(desk: OpenDesk, count: int, workflow: str = "blur") -> list[str]:
    """Paused, and jobs that wait to be prepared; oldest first."""

    async def add(core: Core) -> list[str]:
        await core.control.pause("A test.")
        ids = [new_job_id() for _ in range(count)]
        for job_id in ids:
            event = EventDraft(ACCEPTED, {"status": "accepted", "position": None})
            change = Change(fields={"workflow": workflow}, events=(event,))
            await core.journal.accept(Arrival(job_id, "jig-react", None), change)
        return ids

    return desk.thread.submit(add).result(90)


def job_of(desk: OpenDesk, job_id: str) -> Job:
    async def read(core: Core) -> Job | None:
        return await core.journal.job(job_id)

    job = desk.thread.submit(read).result(90)
    assert job is not None
    return job


def end_jobs(desk: OpenDesk, job_id: str, status: JobStatus) -> None:
    """Move a job that was accepted to its end, by way of the states between."""
    way = (status,) if status is not JobStatus.COMPLETED else tuple(JobStatus)[1:7]

    async def end(core: Core) -> None:
        for step in way:
            await core.journal.apply(job_id, Change(to=step))

    desk.thread.submit(end).result(90)


def shown(qtbot: QtBot, page: QueuePage, count: int) -> None:
    qtbot.waitUntil(
        lambda: page.model.rowCount() == count and (not count or page.model.job(0) is not None)
    )


def select(page: QueuePage, *rows: int) -> None:
    page.selected.clear()
    page.selected.take([page.model.job(row).job_id for row in rows])  # type: ignore[union-attr]


def test_jobs_appear_by_themselves_newest_first(qtbot: QtBot, desk: OpenDesk) -> None:
    ids = add_jobs(desk, 3)
    shown(qtbot, desk.page, 3)
    assert [desk.page.model.job(row).job_id for row in range(3)] == ids[::-1]  # type: ignore[union-attr]
    assert desk.page.table.isVisible()


def test_cancelling_asks_once_with_the_number_and_retry_brings_back(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    ids = add_jobs(desk, 3)
    shown(qtbot, desk.page, 3)
    select(desk.page, 0, 1)
    desk.page.menu.cancel.trigger()
    question = desk.page.actions_on_jobs.question
    assert question is not None
    assert question.title == "Cancel 2 jobs?"
    assert question.yes.text() == "Cancel 2 jobs"
    question.yes.click()
    qtbot.waitUntil(lambda: job_of(desk, ids[1]).status is JobStatus.CANCELLED)
    qtbot.waitUntil(lambda: job_of(desk, ids[2]).status is JobStatus.CANCELLED)
    assert job_of(desk, ids[0]).status is not JobStatus.CANCELLED
    qtbot.waitUntil(lambda: desk.page.menu.retry.isEnabled() or _told(desk))
    desk.page.menu.show_state()
    desk.page.menu.retry.trigger()
    question = desk.page.actions_on_jobs.question
    assert question is not None
    question.yes.click()
    qtbot.waitUntil(lambda: job_of(desk, ids[2]).attempt == 2)


def _told(desk: OpenDesk) -> bool:
    desk.page.menu.show_state()
    return desk.page.menu.retry.isEnabled()


def test_keeping_leaves_the_jobs_alone(qtbot: QtBot, desk: OpenDesk) -> None:
    ids = add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    select(desk.page, 0)
    desk.page.menu.cancel.trigger()
    question = desk.page.actions_on_jobs.question
    assert question is not None
    question.reject()
    qtbot.waitUntil(lambda: desk.page.actions_on_jobs.question is None)
    assert job_of(desk, ids[0]).status is not JobStatus.CANCELLED


def test_retrying_many_or_what_is_completed_asks_with_the_number(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    ids = add_jobs(desk, 3)
    end_jobs(desk, ids[0], JobStatus.COMPLETED)
    end_jobs(desk, ids[1], JobStatus.FAILED)
    end_jobs(desk, ids[2], JobStatus.FAILED)
    shown(qtbot, desk.page, 3)
    qtbot.waitUntil(lambda: all(desk.page.model.job(r).status in FINAL for r in range(3)))  # type: ignore[union-attr]
    actions, menu = desk.page.actions_on_jobs, desk.page.menu

    def asked(*rows: int) -> Question:
        select(desk.page, *rows)
        menu.retry.trigger()
        question = actions.question
        assert question is not None
        return question

    question = asked(0, 1, 2)
    assert question.title == "Retry 3 jobs?"
    assert question.yes.text() == "Retry 3 jobs"
    assert "1 is completed" in question.words
    question.keep.click()
    qtbot.waitUntil(lambda: actions.question is None)
    question = asked(2)  # the completed one, newest first
    assert question.title == "Retry 1 job?"
    assert "output.json" in question.words
    question.reject()
    qtbot.waitUntil(lambda: actions.question is None)
    assert {job_of(desk, job_id).attempt for job_id in ids} == {1}
    select(desk.page, 0)  # one that failed has nothing to lose
    menu.retry.trigger()
    assert actions.question is None
    qtbot.waitUntil(lambda: job_of(desk, ids[2]).attempt == 2)
    asked(1, 2).yes.click()
    qtbot.waitUntil(lambda: {job_of(desk, job_id).attempt for job_id in ids} == {2})


def test_moved_to_the_top_is_first_in_the_line(
    qtbot: QtBot, desk: OpenDesk, tmp_path: Path
) -> None:
    desk.page.holding.pause.click()
    eventually(lambda: desk.core.work.queue.paused is not None)
    ids = [send(desk, chain(), tmp_path) for _ in range(4)]
    shown(qtbot, desk.page, 4)
    eventually(lambda: all(job_of(desk, job_id).status is JobStatus.QUEUED for job_id in ids))
    select(desk.page, 0, 1)  # the two newest
    assert desk.page.menu.first.text() == "Move to the top"
    desk.page.menu.first.trigger()
    qtbot.waitUntil(lambda: "2 jobs moved to the top" in desk.window.toasts.shown)
    places = desk.core.work.queue.positions()
    assert sorted(places, key=places.__getitem__) == [ids[3], ids[2], ids[0], ids[1]]


def test_put_first_and_copy(qtbot: QtBot, desk: OpenDesk) -> None:
    ids = add_jobs(desk, 2)
    shown(qtbot, desk.page, 2)
    select(desk.page, 0)
    desk.page.menu.first.trigger()
    qtbot.waitUntil(lambda: job_of(desk, ids[1]).priority > 0)
    desk.page.menu.copy.trigger()
    assert QGuiApplication.clipboard().text() == ids[1]


def test_pause_and_resume_reach_the_core(qtbot: QtBot, desk: OpenDesk) -> None:
    queue = desk.core.work.queue
    desk.page.holding.pause.click()
    eventually(lambda: queue.paused is not None)
    qtbot.waitUntil(lambda: "Resume" in desk.page.holding.pause.text())
    assert "Paused" in desk.window.status._accepting.text()
    desk.page.holding.pause.click()
    eventually(lambda: queue.paused is None)
    qtbot.waitUntil(lambda: "Pause" in desk.page.holding.pause.text())
    desk.page.holding.drain.click()
    eventually(lambda: queue.draining is not None)
    qtbot.waitUntil(lambda: "Resume" in desk.page.holding.pause.text())
    assert not desk.page.holding.drain.isVisible()
    desk.page.holding.pause.click()
    eventually(lambda: queue.draining is None)
    qtbot.waitUntil(desk.page.holding.drain.isVisible)


def test_a_command_that_is_refused_is_a_toast_and_stays_in_the_history(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    desk.page.actions_on_jobs.retry([new_job_id()])
    qtbot.waitUntil(lambda: bool(desk.window.toasts.shown))
    assert "There is no job" in desk.window.toasts.shown[0]
    assert desk.window.toasts.history[-1].tone == "error"
    assert desk.window.status.messages_button.text() == "1 message"


@pytest.mark.parametrize(("number", "said"), [(2, "(1 more was"), (4, "(3 more were")])
def test_many_refusals_are_one_toast(qtbot: QtBot, desk: OpenDesk, number: int, said: str) -> None:
    desk.page.actions_on_jobs.retry([new_job_id() for _ in range(number)])
    qtbot.waitUntil(lambda: bool(desk.window.toasts.shown))
    assert f"{said} refused)" in desk.window.toasts.shown[0]


def test_at_the_top_new_jobs_are_seen(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 40)
    shown(qtbot, desk.page, 40)
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 41)
    assert desk.page.table.verticalScrollBar().value() == 0


def test_search_waits_for_the_typing_to_pause(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 2, "blur")
    add_jobs(desk, 3, "upscale")
    shown(qtbot, desk.page, 5)
    readings: list[int] = []
    desk.page.model.shown.connect(readings.append)
    qtbot.keyClicks(desk.page.search, "upscale")
    assert desk.page.model.query.text == ""
    shown(qtbot, desk.page, 3)
    desk.page.search.setText("nobody")
    qtbot.waitUntil(desk.page.nothing.isVisible)
    desk.page.show_all()
    shown(qtbot, desk.page, 5)
    qtbot.waitUntil(desk.page.table.isVisible)


def test_chips_filter_and_own_filters_are_kept(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 2, "blur")
    shown(qtbot, desk.page, 2)
    chips = desk.page.chips
    qtbot.waitUntil(lambda: chips._buttons["Active"].text() == "Active 2")
    chips.choose("Failed")
    qtbot.waitUntil(desk.page.nothing.isVisible)
    desk.page.show_all()
    desk.page.search.setText("blur")
    qtbot.waitUntil(chips._save.isVisible)
    chips.save("Blurs")
    assert chips.current.text == "blur"
    again = Chips(desk.window.memory)
    assert [item.name for item in again.filters][-1] == "Blurs"
    assert again.current.name == "Blurs"
    again.remove("Blurs")
    assert again.current.name == "All"
    again.deleteLater()


def test_columns_are_hidden_moved_and_remembered(qtbot: QtBot, desk: OpenDesk) -> None:
    table = desk.page.table
    table.show_column(Column.ATTEMPTS, shown=True)
    table.show_column(Column.OWNER, shown=False)
    table.setColumnWidth(Column.JOB, 111)
    header = table.horizontalHeader()
    header.moveSection(header.visualIndex(Column.LAST), 1)
    desk.window.remember()
    other = QueuePage(
        desk.core, desk.bridge, desk.window.theme, desk.window.memory, desk.window.toasts
    )
    qtbot.addWidget(other)
    assert not other.table.isColumnHidden(Column.ATTEMPTS)
    assert other.table.isColumnHidden(Column.OWNER)
    assert other.table.columnWidth(Column.JOB) == 111
    assert other.table.horizontalHeader().visualIndex(Column.LAST) == 1
    table.reset_columns()
    assert table.isColumnHidden(Column.ATTEMPTS)
    assert header.visualIndex(Column.LAST) == Column.LAST


def test_a_click_on_a_title_sorts_and_again_turns_it(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 3)
    shown(qtbot, desk.page, 3)
    desk.page.table.horizontalHeader().sectionClicked.emit(Column.OWNER)
    assert (desk.page.model.query.sort, desk.page.model.query.descending) == ("owner_id", False)
    desk.page.table.horizontalHeader().sectionClicked.emit(Column.OWNER)
    assert desk.page.model.query.descending
    qtbot.waitUntil(lambda: desk.page.model.is_read)


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Enter])
def test_enter_opens_the_current_job(qtbot: QtBot, desk: OpenDesk, key: Qt.Key) -> None:
    ids = add_jobs(desk, 2)
    shown(qtbot, desk.page, 2)
    desk.page.table.setCurrentIndex(desk.page.model.index(1, 0))
    with qtbot.waitSignal(desk.page.opened) as opened:
        qtbot.keyClick(desk.page.table, key)
    assert opened.args == [ids[0]]


def test_the_sample_job_runs_from_the_empty_queue_to_its_results(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    page = desk.page
    qtbot.waitUntil(page.nothing.isVisible)
    seen: set[JobStatus] = set()
    desk.bridge.arrived.connect(lambda batch: seen.update(job.status for job in batch.jobs))
    qtbot.mouseClick(page.nothing._button, Qt.MouseButton.LeftButton)
    shown(qtbot, page, 1)

    def is_done() -> bool:
        job = page.model.job(0)
        return job is not None and job.status is JobStatus.COMPLETED

    qtbot.waitUntil(is_done)
    cell = page.model.index(0, Column.PROGRESS)
    qtbot.waitUntil(lambda: str(page.model.data(cell)).startswith("2 files"))
    assert JobStatus.RUNNING in seen
    qtbot.waitUntil(lambda: page.chips._buttons["Completed"].text() == "Completed 1")


@pytest.mark.parametrize(
    ("key", "modifiers", "name"),
    [
        (Qt.Key.Key_I, Qt.KeyboardModifier.ControlModifier, "inspect"),
        (Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier, "first"),
        (Qt.Key.Key_Delete, Qt.KeyboardModifier.NoModifier, "cancel"),
        (Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier, "copy"),
        (Qt.Key.Key_O, Qt.KeyboardModifier.ControlModifier, "folder"),
    ],
)
def test_the_menu_s_keys_work_in_the_list(
    qtbot: QtBot, desk: OpenDesk, key: Qt.Key, modifiers: Qt.KeyboardModifier, name: str
) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    desk.page.show_job(job_at(desk, 0))
    desk.page.table.setFocus()
    with qtbot.waitSignal(getattr(desk.page.menu, name).triggered, timeout=30_000):
        qtbot.keyClick(desk.page.table, key, modifiers)
    question = desk.page.actions_on_jobs.question
    if question is not None:
        question.keep.click()
        qtbot.waitUntil(lambda: desk.page.actions_on_jobs.question is None, timeout=30_000)


def job_at(desk: OpenDesk, row: int) -> str:
    job = desk.page.model.job(row)
    assert job is not None
    return job.job_id


class Opened(QObject):
    """Stands where the system's file manager and viewers are."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[QUrl] = []

    @Slot(QUrl)
    def take(self, url: QUrl) -> None:
        self.urls.append(url)


@pytest.fixture
def opened() -> Iterator[Opened]:
    system = Opened()
    QDesktopServices.setUrlHandler("file", system, "take")
    yield system
    QDesktopServices.unsetUrlHandler("file")


def test_a_job_s_folder_opens_in_the_system_and_one_without_is_said(
    qtbot: QtBot, desk: OpenDesk, opened: Opened
) -> None:
    ids = add_jobs(desk, 1)
    actions = desk.page.actions_on_jobs
    actions.open_folder(ids[0])
    assert opened.urls == []
    assert "no folder on this machine" in desk.window.toasts.shown[0]
    folder = desk.core.settings.paths.jobs_dir / ids[0]
    folder.mkdir(parents=True)
    actions.open_folder(ids[0])
    assert [Path(url.toLocalFile()) for url in opened.urls] == [folder]


def test_the_column_that_sorts_has_an_arrow(qtbot: QtBot, desk: OpenDesk) -> None:
    def title(column: Column) -> str:
        return str(desk.page.model.headerData(column, Qt.Orientation.Horizontal))

    assert title(Column.CREATED) == "Created ↓"
    desk.page.table.horizontalHeader().sectionClicked.emit(Column.OWNER)
    assert (title(Column.OWNER), title(Column.CREATED)) == ("Owner ↑", "Created")
    qtbot.waitUntil(lambda: desk.page.model.is_read, timeout=30_000)


def test_the_order_is_said_in_words_where_its_column_is_hidden(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    page = desk.page
    header = page.table.horizontalHeader()
    assert not page.order.isVisible()  # of no jobs
    add_jobs(desk, 1)
    shown(qtbot, page, 1)
    qtbot.waitUntil(page.order.isVisible)
    assert page.order.text() == "Newest first"
    header.sectionClicked.emit(Column.OWNER)  # has an arrow
    assert not page.order.isVisible()
    page.table.show_column(Column.OWNER, shown=False)
    assert page.order.isVisible()
    assert page.order.text() == "By Owner ↑"
    header.sectionClicked.emit(Column.CREATED)
    page.table.show_column(Column.CREATED, shown=True)
    assert not page.order.isVisible()
    page.table.reset_columns()
    assert page.order.text() == "Newest first"
    qtbot.waitUntil(lambda: page.model.is_read)


def test_escape_undoes_one_thing_after_the_other(qtbot: QtBot, desk: OpenDesk) -> None:
    ids = add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    page, window = desk.page, desk.window
    inspector = window.need_inspector()
    assert isinstance(inspector, Inspector)
    page.show_job(ids[0])
    page.opened.emit(ids[0])
    page.search.setText("blur")
    window.activateWindow()
    page.search.setFocus()
    qtbot.waitUntil(page.search.hasFocus)
    qtbot.keyClick(page.search, Qt.Key.Key_Escape)
    assert page.search.text() == ""
    assert page.selected.ids == (ids[0],)
    page.table.setFocus()
    qtbot.keyClick(page.table, Qt.Key.Key_Escape)
    assert page.selected.ids == ()
    assert inspector.isVisible()
    qtbot.keyClick(page.table, Qt.Key.Key_Escape)
    assert not inspector.isVisible()


def test_saving_a_filter_empties_the_search_that_it_took(qtbot: QtBot, desk: OpenDesk) -> None:
    desk.page.search.setText("blur")
    desk.page.chips.save("Blurs")
    assert desk.page.search.text() == ""
    assert desk.page.model.query.text == "blur"
    qtbot.waitUntil(lambda: desk.page.model.is_read, timeout=30_000)
