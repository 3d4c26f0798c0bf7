"""The table's view: fixed rows, columns that are remembered, a place that survives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QAccessible, QAction, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QMenu,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from ui.memory import Memory
from ui.queue.columns import (
    COLUMNS,
    HEADER_PX,
    LEAST_PX,
    PROGRESS_LEAST_PX,
    ROW_PX,
    Column,
    workflow_width,
)
from ui.queue.model import QueueModel
from ui.queue.painter import Box, Cell, RowPainter
from ui.queue.selection import RowSelection
from ui.theme.theme import Theme
from ui.turns import one_long_turn

Index = QModelIndex | QPersistentModelIndex
MEMORY = "queue/columns"
SIZED = "queue/sized"


class Header(QHeaderView):
    """The columns' titles; the model puts an arrow into the one that sorts."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFixedHeight(HEADER_PX)
        self.setSectionsMovable(True)
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSortIndicatorShown(False)  # the title has an arrow
        self.setMinimumSectionSize(LEAST_PX)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One height at every scale."""
        return QSize(super().sizeHint().width(), HEADER_PX)


class QueueTable(QTableView):
    """Emits `opened(row)` for Enter and a double click, and `all_asked` for select all.

    `columns_changed` follows when columns are shown or hidden.
    """

    opened = Signal(int)
    all_asked = Signal()
    columns_changed = Signal()

    def __init__(
        self, model: QueueModel, theme: Theme, memory: Memory, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._queue = model
        self._memory = memory
        self._owner_sized = _known(memory.json_of(SIZED))
        self._fitting = False
        self._anchor: tuple[str, int] | None = None
        self.painter_of_rows = RowPainter(model, theme)
        self.setObjectName("queueTable")
        self.setModel(model)
        self.selectionModel().deleteLater()
        self.chosen = RowSelection(model, self)
        self.setSelectionModel(self.chosen)
        self.setItemDelegate(_UsualSizes(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setMouseTracking(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setMinimumSectionSize(ROW_PX)
        rows.setDefaultSectionSize(ROW_PX)
        self._header = Header(self)
        self.setHorizontalHeader(self._header)
        self._header.customContextMenuRequested.connect(self._offer_columns)
        self._restore_columns()
        self._header.sectionResized.connect(self._sized)
        self._header.sectionMoved.connect(lambda *_: self.remember())
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))
        self.verticalScrollBar().valueChanged.connect(self._tell_view)
        model.layoutAboutToBeChanged.connect(self._hold_place)
        model.rowsAboutToBeInserted.connect(self._hold_place)
        model.moved.connect(self._find_place)
        model.shown.connect(lambda _: self._tell_view())

    # --- what the page asks ------------------------------------------------------------------

    def beat(self, number: int) -> None:
        """Paint again what moves by itself."""
        fading = self.painter_of_rows.beat(number)
        first, last = self.rows_in_view()
        for row in range(first, last + 1):
            job = self._queue.job(row)
            if job is None:
                continue
            fades = job.job_id in fading
            if fades:
                self._paint_cells(row, Column)
            elif self.painter_of_rows.is_busy(job):
                self._paint_cells(row, (Column.PROGRESS,))

    def rows_in_view(self) -> tuple[int, int]:
        """The first and the last row that can be seen."""
        top = self.verticalScrollBar().value()
        height = max(1, self.viewport().height())
        last = min(self._queue.rowCount() - 1, (top + height) // ROW_PX)
        return top // ROW_PX, last

    def columns_menu(self) -> QMenu:
        """A menu that shows and hides columns."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for column, spec in COLUMNS.items():
            action = QAction(spec.explained or spec.title, menu)
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(column))
            action.setEnabled(column is not Column.STATE)
            action.toggled.connect(lambda shown, c=column: self.show_column(c, shown=shown))
            menu.addAction(action)
        menu.addSeparator()
        reset = menu.addAction("Back to the first layout")
        reset.triggered.connect(self.reset_columns)
        return menu

    def show_column(self, column: Column, *, shown: bool) -> None:
        """Show or hide a column; remembered."""
        self.setColumnHidden(column, not shown)
        self._fit()
        self.remember()
        self.columns_changed.emit()

    def reset_columns(self) -> None:
        """The columns as they were at the first start."""
        for column, spec in COLUMNS.items():
            self._header.moveSection(self._header.visualIndex(column), column)
            self.setColumnHidden(column, spec.hidden)
            self._header.resizeSection(column, spec.width_px)
        self._owner_sized.clear()
        self._fit()
        self.remember()
        self.columns_changed.emit()

    def remember(self) -> None:
        """Write the columns' order, widths and visibility down."""
        self._memory.keep_bytes(MEMORY, self._header.saveState())
        self._memory.keep_json(SIZED, sorted(self._owner_sized))

    # --- Qt's side ---------------------------------------------------------------------------

    def selectAll(self) -> None:  # noqa: N802 - Qt's name
        """Everything that the filter finds, loaded or not."""
        self.all_asked.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Share the room that is left, unless the owner sized those columns."""
        super().resizeEvent(event)
        self._fit()
        self._tell_view()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter opens the current row."""
        row = self.currentIndex().row()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and row >= 0:
            self.opened.emit(row)
        else:
            super().keyPressEvent(event)

    def dataChanged(  # noqa: N802 - Qt's name
        self, first: Index, last: Index, roles: Sequence[int] = ()
    ) -> None:
        """Paint the rows that changed; Qt would paint all between the first and the last."""
        rows = self._queue.changed
        if rows is None or QAccessible.isActive():
            super().dataChanged(first, last, roles)
            return
        columns = range(first.column(), last.column() + 1)
        top, bottom = self.rows_in_view()
        for row in rows:
            if top <= row <= bottom:
                self._paint_cells(row, columns)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Every row that is to be painted, in one go.

        Through a delegate Qt would come back to Python for each cell, and each time another
        thread may have its turn first.
        """
        with one_long_turn(), QPainter(self.viewport()) as painter:
            self._paint(painter, event)

    def _paint(self, painter: QPainter, event: QPaintEvent) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        cells = self._cells()
        chosen = self.selectionModel()
        current = self.currentIndex().row() if self.hasFocus() else -1
        top, count = self.verticalScrollBar().value(), self._queue.rowCount()
        edge = cells[-1].left + cells[-1].width
        for area in cast(Iterable[QRect], event.region()):
            first, last = (top + area.top()) // ROW_PX, (top + area.bottom()) // ROW_PX
            width = min(area.width(), edge - area.left())
            for row in range(first, min(last, count - 1) + 1):
                self.painter_of_rows.paint_row(
                    painter,
                    row,
                    Box(area.left(), row * ROW_PX - top, width, ROW_PX),
                    cells,
                    is_selected=chosen.isSelected(self._queue.place(row)),
                    is_current=row == current,
                )

    def _cells(self) -> list[Cell]:
        """The columns that are shown, from left to right."""
        header = self._header
        order = [Column(header.logicalIndex(place)) for place in range(header.count())]
        return [
            Cell(column, header.sectionViewportPosition(column), header.sectionSize(column))
            for column in order
            if not header.isSectionHidden(column)
        ]

    # --- the place ---------------------------------------------------------------------------

    def _hold_place(self) -> None:
        """Remember the topmost row by its job, before rows move."""
        if self._anchor is not None:
            return
        top = self.verticalScrollBar().value()
        row = top // ROW_PX
        job = self._queue.job(row)
        # at the very top the newest is to be seen, not what was there
        self._anchor = (job.job_id, top - row * ROW_PX) if job is not None and top > 0 else None

    def _find_place(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor is None:
            return
        row = self._queue.row_of(anchor[0])
        if row is not None:
            self.updateGeometries()
            self.verticalScrollBar().setValue(row * ROW_PX + anchor[1])

    def _tell_view(self) -> None:
        self._queue.look_at(*self.rows_in_view())

    def _paint_cells(self, row: int, columns: Iterable[int]) -> None:
        y = self.rowViewportPosition(row)
        for column in columns:
            x, width = self.columnViewportPosition(column), self.columnWidth(column)
            self.viewport().update(x, y, width, ROW_PX)

    # --- columns -----------------------------------------------------------------------------

    def _restore_columns(self) -> None:
        state = self._memory.bytes_of(MEMORY)
        if state is None or not self._header.restoreState(state):
            for column, spec in COLUMNS.items():
                self._header.resizeSection(column, spec.width_px)
                self.setColumnHidden(column, spec.hidden)
        self._header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)

    def _fit(self) -> None:
        """Workflow and progress share what the others leave, as far as the owner sized neither."""
        if Column.PROGRESS in self._owner_sized:
            return
        shared = {Column.WORKFLOW, Column.PROGRESS} - self._owner_sized
        shared -= {column for column in COLUMNS if self.isColumnHidden(column)}
        others = sum(
            self.columnWidth(column)
            for column in COLUMNS
            if column not in shared and not self.isColumnHidden(column)
        )
        room = self.viewport().width() - others
        self._fitting = True
        if Column.WORKFLOW in shared:
            width = workflow_width(room)
            self._header.resizeSection(Column.WORKFLOW, width)
            room -= width
        if Column.PROGRESS in shared:
            self._header.resizeSection(Column.PROGRESS, max(PROGRESS_LEAST_PX, room))
        self._fitting = False

    def _sized(self, column: int, _old: int, _new: int) -> None:
        if self._fitting:
            return
        if column in (Column.PROGRESS, Column.WORKFLOW):
            self._owner_sized.add(Column(column))
        self._fit()
        self.remember()

    def _offer_columns(self, at: QPoint) -> None:
        self.columns_menu().popup(self._header.mapToGlobal(at))


class _UsualSizes(QStyledItemDelegate):
    """A double click on a column's edge gives it the width that it usually has."""

    def sizeHint(self, _option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802
        return QSize(COLUMNS[Column(index.column())].width_px, ROW_PX)


def _known(document: object) -> set[Column]:
    """Columns that were written down."""
    known = set(Column)
    return (
        {Column(item) for item in document if item in known}
        if isinstance(document, list)
        else set()
    )
