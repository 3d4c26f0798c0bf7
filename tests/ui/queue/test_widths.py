"""The widths of the queue's columns: nothing usual is cut, and free room is used."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from pytestqt.qtbot import QtBot

from tests.ui.conftest import OpenDesk
from tests.ui.queue.test_queue_page import add_jobs, shown
from ui.queue.columns import Column
from ui.queue.painter import PAD, SHAPE_PX
from ui.queue.wording import STATE_WORDS
from ui.theme.theme import SMALL_PX
from ui.words import age

USUAL = {
    Column.STATE: tuple(STATE_WORDS.values()),
    Column.POSITION: ("1000",),
    Column.OWNER: ("this host",),
    Column.WORKFLOW: ("portrait → upscale", "not read yet"),
    Column.ETA: ("12:34:56", "3 d 14 h"),
    Column.TIME: ("12:34:56", "3 d 14 h"),
    Column.LAST: tuple(age(seconds) for seconds in (0, 59, 59 * 60, 23 * 3600, 364 * 86_400)),
    Column.CREATED: ("23:59", "30 Sep"),
    Column.ATTEMPTS: ("12",),
}


@pytest.mark.parametrize("width", [1480, 1100])
def test_nothing_usual_is_cut(qtbot: QtBot, desk: OpenDesk, width: int) -> None:
    add_jobs(desk, 40)  # with a scroll bar
    shown(qtbot, desk.page, 40)
    desk.window.resize(width, 640)
    desk.window.layout().activate()  # type: ignore[union-attr]
    table, header = desk.page.table, desk.page.table.horizontalHeader()
    assert table.horizontalScrollBar().maximum() == 0
    for column in (Column.ATTEMPTS, Column.CREATED):  # hidden at first
        table.show_column(column, shown=True)
    metrics = QFontMetrics(desk.window.theme.font())
    for column, words in USUAL.items():
        room = table.columnWidth(column) - 2 * PAD - (SHAPE_PX if column is Column.STATE else 0)
        if column is Column.WORKFLOW and width < 1480:
            continue  # gave its room to the columns that are not shown at first
        assert max(map(metrics.horizontalAdvance, words)) <= room, column
    titles = QFontMetrics(desk.window.theme.font(SMALL_PX, bold=True))
    for column in Column:
        header.sectionClicked.emit(column)  # its title has an arrow now
        title = desk.page.model.headerData(column, Qt.Orientation.Horizontal)
        assert titles.horizontalAdvance(title) <= table.columnWidth(column) - 2 * PAD, column
    qtbot.waitUntil(lambda: desk.page.model.is_read)


def test_the_workflow_takes_free_room_until_the_owner_sizes_it(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    add_jobs(desk, 1)
    shown(qtbot, desk.page, 1)
    qtbot.waitUntil(desk.page.table.isVisible)
    table = desk.page.table
    widths = []
    for width in (1100, 1480):
        desk.window.resize(width, 640)
        desk.window.layout().activate()  # type: ignore[union-attr]
        widths.append(table.columnWidth(Column.WORKFLOW))
    portrait = QFontMetrics(desk.window.theme.font()).horizontalAdvance("portrait → upscale")
    assert portrait <= widths[0] - 2 * PAD
    assert widths[0] < widths[1]
    table.setColumnWidth(Column.WORKFLOW, 130)
    desk.window.resize(1300, 640)
    desk.window.layout().activate()  # type: ignore[union-attr]
    assert table.columnWidth(Column.WORKFLOW) == 130
    table.reset_columns()
    assert table.columnWidth(Column.WORKFLOW) > 130


def test_the_columns_fit_a_window_of_a_thousand_pixels(qtbot: QtBot, desk: OpenDesk) -> None:
    add_jobs(desk, 40)
    desk.window.resize(1000, 640)
    shown(qtbot, desk.page, 40)
    desk.window.layout().activate()  # type: ignore[union-attr]
    assert desk.page.table.horizontalScrollBar().maximum() == 0
    room = QFontMetrics(desk.window.theme.font()).horizontalAdvance("12:34:56")
    for column in (Column.ETA, Column.TIME):
        assert desk.page.table.columnWidth(column) - 2 * PAD >= room
