"""Which jobs are chosen: by clicks, by select all, and while rows move and filters change."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from tests.ui.queue.test_queue_page import add_jobs, end_jobs, select, shown
from ui.queue.columns import ROW_PX
from ui.queue.page import QueuePage


def click(qtbot: QtBot, page: QueuePage, row: int) -> None:
    place = page.table.visualRect(page.model.index(row, 0)).center()
    qtbot.mouseClick(page.table.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_clicks_select_by_job_and_select_all_takes_what_is_not_loaded(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    ids = add_jobs(desk, 250)
    shown(qtbot, desk.page, 250)
    table = desk.page.table
    y = table.rowViewportPosition(2) + 5
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, y))
    assert desk.page.selected.ids == (ids[-3],)
    table.selectAll()
    qtbot.waitUntil(lambda: len(desk.page.selected.ids) == 250)
    assert set(desk.page.selected.ids) == set(ids)
    assert desk.page.bar.isVisible()


def test_selection_and_scroll_survive_new_jobs(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 60)
    shown(qtbot, desk.page, 60)
    table, model = desk.page.table, desk.page.model
    select(desk.page, 30, 31)
    chosen = desk.page.selected.ids
    table.verticalScrollBar().setValue(20 * ROW_PX + 7)
    top = model.job(20)
    assert top is not None
    add_jobs(desk, 5)
    shown(qtbot, desk.page, 65)
    qtbot.waitUntil(lambda: model.row_of(top.job_id) == 25)
    assert table.verticalScrollBar().value() == 25 * ROW_PX + 7
    assert desk.page.selected.ids == chosen
    rows = {index.row() for index in table.selectionModel().selectedRows()}
    assert rows == {model.row_of(job_id) for job_id in chosen} == {35, 36}


def test_a_click_chooses_one_job_alone_also_when_a_chosen_one_left_the_list(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    page = desk.page
    gone = add_jobs(desk, 3)[-1]
    page.chips.choose("Active")
    shown(qtbot, page, 3)
    click(qtbot, page, 0)
    assert page.selected.ids == (gone,)
    end_jobs(desk, gone, JobStatus.CANCELLED)
    qtbot.waitUntil(lambda: page.model.row_of(gone) is None)
    click(qtbot, page, 1)
    assert page.selected.ids == (page.model.job(1).job_id,)  # type: ignore[union-attr]


def test_a_click_after_select_all_chooses_one_job_alone(qtbot: QtBot, desk: OpenDesk) -> None:
    page, many = desk.page, 250
    add_jobs(desk, many)
    shown(qtbot, page, many)
    page.table.selectAll()
    qtbot.waitUntil(lambda: len(page.selected.ids) == many)
    assert len(page.model.loaded()) < many
    click(qtbot, page, 2)
    assert page.selected.ids == (page.model.job(2).job_id,)  # type: ignore[union-attr]


def test_another_filter_is_not_given_the_jobs_that_select_all_still_reads(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    page = desk.page
    add_jobs(desk, 3)
    shown(qtbot, page, 3)
    page.table.selectAll()
    page.chips.choose("Failed")
    answered: list[None] = []

    async def nothing(_: Core) -> None:
        return

    qtbot.waitUntil(lambda: page.model.is_read)
    desk.bridge.call(nothing, answered.append)  # what was asked before has been answered then
    qtbot.waitUntil(lambda: bool(answered))
    assert page.selected.ids == ()


def test_what_can_be_done_with_the_chosen_job_follows_its_state(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    menu = desk.page.menu
    (job_id,) = add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    select(desk.page, 0)
    assert (menu.cancel.isEnabled(), menu.retry.isEnabled()) == (True, False)
    end_jobs(desk, job_id, JobStatus.CANCELLED)
    qtbot.waitUntil(menu.retry.isEnabled)
    assert not menu.cancel.isEnabled()
