"""What the table paints: only what changed, and piece by piece the same as at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QRect
from PySide6.QtGui import QImage, QRegion
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jigdesk.domain.changes import JobQuery
from jigdesk.domain.job import Job, JobStatus
from tests.fakes.journal_thread import JournalThread
from ui.bridge import Bridge
from ui.inbox import Batch
from ui.memory import Memory
from ui.queue.columns import ROW_PX, Column
from ui.queue.model import QueueModel
from ui.queue.painter import Cell, RowPainter
from ui.queue.table import QueueTable
from ui.theme.theme import Theme


@pytest.fixture
def table(
    qapp: QApplication,
    qtbot: QtBot,
    journal_bridge: tuple[Bridge, JournalThread],
    theme: Theme,
    memory: Memory,
) -> Iterator[QueueTable]:
    bridge, _ = journal_bridge
    model = QueueModel(bridge)
    table = QueueTable(model, theme, memory)
    table.resize(1100, 8 * ROW_PX)
    model.show(JobQuery())
    table.show()
    qtbot.waitExposed(table)
    qtbot.waitUntil(lambda: model.is_read)
    for _ in range(3):  # what one pass lays out the next one paints
        qapp.processEvents()
    yield table
    bridge.close()
    table.deleteLater()
    model.deleteLater()


@pytest.fixture
def painted(table: QueueTable, monkeypatch: pytest.MonkeyPatch) -> dict[int, set[Column]]:
    """Which cells of which rows are painted from now on."""
    found: dict[int, set[Column]] = {}
    real = RowPainter._paint_cell

    def noting(
        self: RowPainter, painter: Any, area: Any, job: Job, column: Column, ground: str
    ) -> None:
        row = self._model.row_of(job.job_id)
        assert row is not None
        found.setdefault(row, set()).add(column)
        real(self, painter, area, job, column, ground)

    monkeypatch.setattr(RowPainter, "_paint_cell", noting)
    return found


def model_of(table: QueueTable) -> QueueModel:
    model = table.model()
    assert isinstance(model, QueueModel)
    return model


def job_at(table: QueueTable, row: int) -> Job:
    job = model_of(table).job(row)
    assert job is not None
    return job


def test_of_rows_that_came_on_two_cells_are_painted_and_of_others_nothing(
    qapp: QApplication, table: QueueTable, painted: dict[int, set[Column]]
) -> None:
    came_on = [replace(job_at(table, row), progress=0.7) for row in (1, 5, 150)]
    model_of(table).take(Batch(jobs=tuple(came_on)))
    qapp.processEvents()
    assert painted == {row: {Column.PROGRESS, Column.ETA} for row in (1, 5)}


def test_a_row_that_changed_its_state_is_painted_whole(
    qapp: QApplication, table: QueueTable, painted: dict[int, set[Column]]
) -> None:
    old = job_at(table, 3)
    other = JobStatus.FAILED if old.status is not JobStatus.FAILED else JobStatus.CANCELLED
    model_of(table).take(Batch(jobs=(replace(old, status=other),)))
    qapp.processEvents()
    shown = {column for column in Column if not table.isColumnHidden(column)}
    assert painted == {3: shown}


def test_reading_again_what_is_there_paints_nothing(
    qtbot: QtBot, qapp: QApplication, table: QueueTable, painted: dict[int, set[Column]]
) -> None:
    model = model_of(table)
    model.take(Batch(jobs=(replace(job_at(table, 2), workflow="another"),)))
    qapp.processEvents()
    painted.clear()
    with qtbot.waitSignal(model.shown):
        model.refresh()
    qapp.processEvents()
    assert set(painted) == {2}  # the journal knows nothing of the other workflow


def test_piece_by_piece_it_looks_as_at_once(table: QueueTable) -> None:
    table.selectRow(2)
    whole = _drawn(table, [table.viewport().rect()])
    pieces = [
        QRect(x, y, 37, 29)
        for x in range(0, table.viewport().width(), 37)
        for y in range(0, table.viewport().height(), 29)
    ]
    assert _drawn(table, pieces) == whole


def _drawn(table: QueueTable, pieces: list[QRect]) -> QImage:
    view = table.viewport()
    image = QImage(view.size(), QImage.Format.Format_RGB32)
    image.fill(0)
    for piece in pieces:
        view.render(image, piece.topLeft(), QRegion(piece))
    return image


def test_the_selected_rows_have_their_ground_and_the_current_one_its_mark(
    qtbot: QtBot, table: QueueTable, theme: Theme
) -> None:
    select = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
    for row in (1, 4):
        table.selectionModel().select(table.model().index(row, 0), select)
    table.selectionModel().setCurrentIndex(
        table.model().index(4, 0), QItemSelectionModel.SelectionFlag.NoUpdate
    )
    table.activateWindow()
    table.setFocus()
    qtbot.waitUntil(table.hasFocus)
    image = table.viewport().grab().toImage()
    chosen, plain = theme.colour("accent_background"), theme.colour("panel")
    for row in range(6):
        ground = image.pixelColor(QPoint(6, row * ROW_PX + 3))
        assert ground == (chosen if row in (1, 4) else plain), row
        mark = image.pixelColor(QPoint(1, row * ROW_PX + 3))
        assert (mark == theme.colour("accent")) is (row == 4), row


def test_columns_that_were_moved_are_painted_where_they_are(table: QueueTable) -> None:
    header = table.horizontalHeader()
    header.moveSection(header.visualIndex(Column.CREATED), 0)
    table.show_column(Column.CREATED, shown=True)
    cells: list[Cell] = table._cells()
    assert cells[0] == Cell(Column.CREATED, 0, table.columnWidth(Column.CREATED))
    for before, after in pairwise(cells):
        assert after.left == before.left + before.width
    assert Column.ATTEMPTS not in {cell.column for cell in cells}
