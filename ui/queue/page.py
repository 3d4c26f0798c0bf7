"""The queue's page: buttons, search, filters, the table, and what is said when it is empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from PySide6.QtCore import QItemSelectionModel, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app import Core
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.job import JobStatus
from ui.bridge import Bridge
from ui.figures import Figures
from ui.frame.toasts import Toasts
from ui.inbox import Batch
from ui.memory import Memory
from ui.queue.actions import JobActions
from ui.queue.chips import Chips
from ui.queue.columns import COLUMNS, Column, order_words
from ui.queue.empty import Nothing
from ui.queue.filters import BUILT_IN, Filter
from ui.queue.holding import Holding
from ui.queue.job_menu import JobMenu, SelectionBar
from ui.queue.model import QueueModel, with_sort
from ui.queue.reading import MOST_IDS, read_ids
from ui.queue.sample import send_sample
from ui.queue.selection import Selected
from ui.queue.table import QueueTable
from ui.theme.theme import Theme

DEBOUNCE_MS = 250
READING_MS = 200
"""A list that takes longer than this says that it is read."""
SORT = "queue/sort"


class QueuePage(QWidget):
    """Every job.

    Emits `opened(job_id)` when one is to be inspected, and `current(job_id)` when another row
    has the focus (empty for none). `dismissed` follows Escape where there is nothing left to undo.
    """

    opened = Signal(str)
    current = Signal(str)
    dismissed = Signal()

    def __init__(
        self,
        core: Core,
        bridge: Bridge,
        theme: Theme,
        memory: Memory,
        toasts: Toasts,
        parent: QWidget | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self.setObjectName("page")
        self._bridge = bridge
        self._theme = theme
        self._memory = memory
        self._toasts = toasts
        self._figures: Figures | None = None
        self.model = QueueModel(bridge, self, clock)
        self.table = QueueTable(self.model, theme, memory, self)
        self.selected = Selected(self.model, self.table.chosen, self)
        self.actions_on_jobs = JobActions(core, bridge, toasts, self)
        self.chips = Chips(memory, self)
        self.search = QLineEdit(self)
        self.nothing = Nothing(f"{core.local_url}/dock", self)
        self.menu = JobMenu(self.actions_on_jobs, self.selected, self.model, theme, self)
        self.bar = SelectionBar(self.menu, self.selected, self)
        self.order = QLabel(self)
        self.holding = Holding(bridge, theme, self)
        self._columns = QToolButton(self)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(DEBOUNCE_MS)
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(READING_MS)
        self._is_unreadable = False
        self._lay_out()
        self._wire()
        self._restore_sort()
        theme.changed.connect(self._draw)
        self._draw()
        self._show_filter(self.chips.current)

    def _lay_out(self) -> None:
        self.search.setPlaceholderText("Search jobs, owners, workflows, messages")
        self.search.setClearButtonEnabled(True)
        self.search.setFixedHeight(32)
        self._columns.setProperty("role", "icon")
        self._columns.setToolTip("Choose the columns")
        self._columns.setAccessibleName("Choose the columns")
        self.search.setAccessibleName("Search the jobs")
        self.table.setAccessibleName("Jobs")
        self._columns.setFixedSize(32, 32)
        self._added: list[QWidget] = []
        self._tools = QHBoxLayout()
        self._tools.setSpacing(8)
        self._tools.addWidget(self.holding.pause)
        self._tools.addWidget(self.holding.drain)
        self._tools.addWidget(self.search, 1)
        self._tools.addWidget(self._columns)
        chips = QHBoxLayout()
        chips.setSpacing(8)
        chips.addWidget(self.chips, 1)
        self.order.setProperty("tone", "muted")
        self.order.setProperty("scale", "small")
        self.order.setToolTip("A click on a column's title sorts by it")
        chips.addWidget(self.order)
        chips.addWidget(self.bar)
        self._body = QStackedLayout()
        self._body.addWidget(self.table)
        self._body.addWidget(self.nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addLayout(self._tools)
        column.addLayout(chips)
        column.addLayout(self._body, 1)
        self._order_tabs()

    def _wire(self) -> None:
        bridge = self._bridge
        bridge.arrived.connect(self._arrived)
        bridge.figures.connect(self._show_figures)
        bridge.ticked.connect(self.model.beat)
        bridge.ticked.connect(self._beat)
        self.model.shown.connect(self._show_count)
        self.model.unreadable.connect(self._show_unreadable)
        self._slow.timeout.connect(self._show_reading)
        bridge.closing.connect(self._slow.stop)
        self.chips.chosen.connect(self._show_filter)
        self.chips.saved.connect(self.search.clear)
        self.chips.rebuilt.connect(self._order_tabs)
        self.chips.refused.connect(bridge.failed)
        self.search.textChanged.connect(lambda _: self._debounce.start())
        self.search.textChanged.connect(self.chips.show_text)
        self._debounce.timeout.connect(self._narrow)
        self.table.horizontalHeader().sectionClicked.connect(self._sort_by)
        self.table.opened.connect(self._open_row)
        self.table.all_asked.connect(lambda: self._fetch(0, self.model.rowCount()))
        self.table.selectionModel().currentRowChanged.connect(self._current_changed)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._offer_menu)
        self.table.columns_changed.connect(self._show_order)
        self.selected.changed.connect(lambda _: self._show_order())
        self.selected.fetch.connect(self._fetch)
        self.menu.opened.connect(self.opened)
        self.nothing.sample_asked.connect(self.run_sample)
        self.nothing.clear_asked.connect(self.show_all)
        self.nothing.again_asked.connect(self._read_again)
        self._columns.clicked.connect(self._offer_columns)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self._to_search)
        leave = QShortcut(QKeySequence(Qt.Key.Key_Escape), self)
        leave.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        leave.activated.connect(self._escape)

    # --- what others use ---------------------------------------------------------------------

    def add_tool(self, button: QWidget) -> None:
        """Put a button first in the row of tools (New job)."""
        self._tools.insertWidget(0, button)
        self._added.insert(0, button)
        self._order_tabs()

    def _order_tabs(self) -> None:
        """The Tab key goes as one reads: the tools, the filters, what is selected, the list."""
        tools = [self.holding.pause, self.holding.drain, self.search, self._columns]
        way = [
            *self._added,
            *tools,
            *self.chips.buttons,
            *self.bar.buttons,
            self.table,
            self.nothing.button,
        ]
        for before, after in pairwise(way):
            self.setTabOrder(before, after)

    @property
    def main(self) -> QWidget:
        """What the page is for: the list, or what is said in its place."""
        return self._body.currentWidget() or self.table

    def show_job(self, job_id: str) -> None:
        """Select a job and bring it into view, where the list has it."""
        self.selected.clear()
        self.selected.take([job_id])
        row = self.model.row_of(job_id)
        if row is not None:
            place = self.model.index(row, 0)
            keep = QItemSelectionModel.SelectionFlag.NoUpdate
            self.table.selectionModel().setCurrentIndex(place, keep)
            self.table.scrollTo(place)

    def show_all(self) -> None:
        """No filter and no text."""
        self.search.clear()
        self._debounce.stop()
        self.chips.choose(BUILT_IN[0].name)

    def run_sample(self) -> None:
        """Send the sample job."""
        self.nothing.show_sending()

        def refused(failure: JigDeskError) -> None:
            self._bridge.failed.emit(failure.message)
            self._show_count(self.model.rowCount())

        self._bridge.call(send_sample, lambda _: self.model.refresh(), refused)

    # --- the list ----------------------------------------------------------------------------

    def _arrived(self, batch: Batch) -> None:
        offers_change = False
        for job in batch.jobs:
            row = self.model.row_of(job.job_id)
            old = None if row is None else self.model.job(row)
            moved = old is not None and old.status is not job.status
            if moved:
                self.table.painter_of_rows.fade(job.job_id)
            # a reading may have brought its row before; one that runs only comes on, and often
            news = moved or job.status is not JobStatus.RUNNING
            offers_change = offers_change or (news and self.selected.has(job.job_id))
        self.model.take(batch)
        if offers_change:
            self.menu.show_state()

    def _beat(self, number: int) -> None:
        if self.isVisible():
            self.table.beat(number)

    def _show_figures(self, figures: Figures) -> None:
        before, self._figures = self._figures, figures
        self.chips.show_figures(figures)
        self.holding.show_figures(figures)
        self.model.take_held(figures.paused is not None)
        self.model.take_positions(figures.positions)
        self.model.take_waits(figures.waits)
        today = replace(
            self.model.query, created_from=self._query_of(self.chips.current).created_from
        )
        if today != self.model.query:  # it was midnight
            self.model.show(today)
        elif before is not None and before.kept != figures.kept:
            self.model.read_soon()

    def _show_filter(self, chosen: Filter) -> None:
        self.selected.clear()
        self.model.show(self._query_of(chosen))
        self._slow.start()
        self.table.scrollToTop()

    def _query_of(self, chosen: Filter) -> JobQuery:
        return chosen.query(self.model.query, self.search.text(), self._clock())

    def _narrow(self) -> None:
        self._show_filter(self.chips.current)

    def _sort_by(self, section: int) -> None:
        column = Column(section)
        query = self.model.query
        again = query.sort == COLUMNS[column].sort
        descending = not query.descending if again else COLUMNS[column].right
        self._sort(column, descending=descending)

    def _sort(self, column: Column, *, descending: bool) -> None:
        self._memory.keep_json(SORT, [int(column), descending])
        self.model.show(with_sort(self.model.query, column, descending=descending))
        self._slow.start()
        self._show_order()
        self.table.scrollToTop()

    def _show_order(self) -> None:
        """In words where the column that sorts is hidden, and its arrow with it."""
        query = self.model.query
        hidden = {COLUMNS[column].sort for column in Column if self.table.isColumnHidden(column)}
        self.order.setText(order_words(query.sort, descending=query.descending))
        is_list = self._body.currentWidget() is self.table
        many = len(self.selected.ids) > 1
        self.order.setVisible(is_list and not many and query.sort in hidden)

    def _restore_sort(self) -> None:
        kept = self._memory.json_of(SORT)
        column, descending = Column.CREATED, True
        if isinstance(kept, list) and len(kept) == len(("column", "descending")):
            known = set(Column)
            column = Column(kept[0]) if kept[0] in known else column
            descending = kept[1] is True
        self.model.show(with_sort(JobQuery(), column, descending=descending))
        self._show_order()

    def _show_count(self, count: int) -> None:
        self._slow.stop()
        self._is_unreadable = False
        query = self.model.query
        if count:
            self._show_body(self.table)
            return
        plain = replace(query, sort="created_at", descending=True)
        if plain == JobQuery():
            self.nothing.show_no_jobs()
        else:
            self.nothing.show_none_found()
        self._show_body(self.nothing)

    def _show_reading(self) -> None:
        """Say it in the place of rows that another filter found."""
        if not self.model.is_read:
            self.nothing.show_reading()
            self._show_body(self.nothing)

    def _show_unreadable(self, why: str) -> None:
        """In the rows' place where none of this filter are there; else beside them, in a toast."""
        self._slow.stop()
        if not self.model.is_read:
            self.nothing.show_unreadable(why)
            self._show_body(self.nothing)
        elif not self._is_unreadable:  # it is tried again by itself, and said once
            self._bridge.failed.emit(why)
        self._is_unreadable = True

    def _read_again(self) -> None:
        self._show_reading()
        self.model.refresh()

    def _show_body(self, part: QWidget) -> None:
        """Show the table or what is said instead; the focus follows if it was on the other."""
        other = self._body.currentWidget()
        if other is part or other is None:
            return
        focus = self.window().focusWidget()
        follows = focus is None or focus is other or other.isAncestorOf(focus)
        self._body.setCurrentWidget(part)
        self._show_order()
        if follows:
            part.setFocus()

    def _fetch(self, first: int, count: int) -> None:
        query, turn = self.model.query, self.selected.turn
        if count <= 0:
            return

        def come(job_ids: Sequence[str]) -> None:
            if self.selected.turn != turn:
                return  # another filter, or another choice, while they were read
            self.selected.take(job_ids)
            if count > MOST_IDS:
                self._toasts.note(
                    f"Selected {MOST_IDS:,} of {count:,} jobs: that is the most at once."
                )

        self._bridge.call(lambda core: read_ids(core, query, first, count), come)

    def _draw(self) -> None:
        icons = self._theme.icons
        self._columns.setIcon(icons.icon("columns", "muted", 18))
        if not self.search.actions():
            self._glass = self.search.addAction(
                icons.icon("search", "faint", 16), QLineEdit.ActionPosition.LeadingPosition
            )
        self._glass.setIcon(icons.icon("search", "faint", 16))

    # --- menus and keys ----------------------------------------------------------------------

    def _offer_menu(self, at: QPoint) -> None:
        if self.selected.ids:
            self.menu.show_state()
            self.menu.popup(self.table.viewport().mapToGlobal(at))

    def _offer_columns(self) -> None:
        menu: QMenu = self.table.columns_menu()
        below = QPoint(self._columns.width() - menu.sizeHint().width(), self._columns.height() + 4)
        menu.popup(self._columns.mapToGlobal(below))

    def _open_row(self, row: int) -> None:
        job = self.model.job(row)
        if job is not None:
            self.opened.emit(job.job_id)

    def _current_changed(self) -> None:
        job = self.model.job(self.table.currentIndex().row())
        self.current.emit("" if job is None else job.job_id)

    def _escape(self) -> None:
        """Undo the nearest thing: the text of the search, the selection, the inspector."""
        if self.search.hasFocus() and self.search.text():
            self.search.clear()
        elif self.search.hasFocus():
            self.main.setFocus()
        elif self.selected.ids:
            self.selected.clear()
        else:
            self.dismissed.emit()

    def _to_search(self) -> None:
        self.search.setFocus()
        self.search.selectAll()
