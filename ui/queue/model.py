"""The queue as a Qt table: a window over the journal, which sorts and filters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from jigdesk.domain.changes import JobQuery
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.waiting import Wait
from ui.bridge import Work
from ui.inbox import Batch
from ui.queue.columns import COLUMNS, Column, ColumnSpec
from ui.queue.reading import Found, read_page, read_rows
from ui.queue.results import Results, read_results
from ui.queue.told import Told
from ui.queue.window_of_rows import PAGE_ROWS, Rows

REFRESH_BEATS = 3
"""What moves rows is read again at most this often, in beats of the bridge's timer …"""
MOVING_BEATS = 10
"""… and this often while rows move all the time: each time every row is painted."""
SECOND_BEATS = 10
SPARE_PAGES = 1

Index = QModelIndex | QPersistentModelIndex
T = TypeVar("T")
_NOWHERE = QModelIndex()
_TIMES = (Column.PROGRESS, Column.CREATED)
_COMES_ON = (Column.PROGRESS, Column.ETA)
_ALL = (Column.STATE, Column.CREATED)


class Asks(Protocol):
    """What the model needs of the bridge."""

    def call(
        self,
        work: Work[T],
        then: Callable[[T], None] | None = None,
        otherwise: Callable[[JigDeskError], None] | None = None,
    ) -> None:
        """See `Bridge.call`."""


class QueueModel(QAbstractTableModel):
    """Rows are read in pages as they come into view, and changed in place by the core's news.

    A change that may move rows (a new job, another sort key) makes the list stale: what is in
    view is read again with the next beats, and rows keep their identity through it, so that
    the selection and the place survive. `shown(count)` follows each reading, `unreadable(why)`
    one that failed; `moved` tells that rows have other places now. `told` has what cells say.
    """

    shown = Signal(int)
    moved = Signal()
    unreadable = Signal(str)

    def __init__(self, bridge: Asks, parent: QObject | None = None, clock: Clock = utc_now) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._clock = clock
        self.told = Told(clock())
        self._query = JobQuery()
        self._rows = Rows()
        self._count = 0
        self._is_read = False
        self._asked: set[int] = set()
        self._stale = False
        self._reading = False
        self._beats_since = REFRESH_BEATS
        self._aged = 0
        self._every_beats = REFRESH_BEATS
        self._view: tuple[int, int] = (0, 0)
        self._changed: Sequence[int] | None = None

    # --- what views ask ----------------------------------------------------------------------

    @property
    def query(self) -> JobQuery:
        """What is shown, in which order."""
        return self._query

    @property
    def is_read(self) -> bool:
        """Whether the list was read since the query changed."""
        return self._is_read

    def job(self, row: int) -> Job | None:
        """The job of a row; None while it is not loaded."""
        return self._rows.at(row)

    def job_or_ask(self, row: int) -> Job | None:
        """The job of a row; None while it is not loaded, and then its page is asked for."""
        job = self._rows.at(row)
        if job is None and 0 <= row < self._count:
            self._want(row // PAGE_ROWS)
        return job

    def place(self, row: int) -> QModelIndex:
        """The index of a row's first cell, like `index`, which gives Python up for a moment."""
        return self.createIndex(row, 0)

    @property
    def changed(self) -> Sequence[int] | None:
        """While `dataChanged` is told: which rows of its range changed; None for all of them."""
        return self._changed

    def row_of(self, job_id: str) -> int | None:
        """Where a job is; None when it is not loaded."""
        return self._rows.row_of(job_id)

    def loaded(self) -> Mapping[int, str]:
        """Every loaded row with its job's id."""
        return self._rows.ids()

    # --- what the page tells -----------------------------------------------------------------

    def show(self, query: JobQuery) -> None:
        """Show another query, from its beginning."""
        self._query = query
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(COLUMNS) - 1)
        self._is_read = False
        self._view = (0, 0)
        self.refresh()

    def look_at(self, first: int, last: int) -> None:
        """These rows are in view."""
        self._view = (max(0, first), max(0, first, last))

    def refresh(self) -> None:
        """Read what is in view again, now or as soon as the present reading is over."""
        self._stale = True
        if not self._reading:
            self._read()

    def read_soon(self) -> None:
        """Read what is in view again with one of the next beats."""
        self._stale = True

    # --- Qt's side ---------------------------------------------------------------------------

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many jobs the query finds."""
        return 0 if parent.isValid() else self._count

    def columnCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many columns there are, hidden ones too."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Titles, alignment and what a title means."""
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        spec = COLUMNS[Column(section)]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._title(spec)
            case Qt.ItemDataRole.ToolTipRole:
                return spec.explained or None
            case Qt.ItemDataRole.TextAlignmentRole:
                side = Qt.AlignmentFlag.AlignRight if spec.right else Qt.AlignmentFlag.AlignLeft
                return side | Qt.AlignmentFlag.AlignVCenter
            case _:
                return None

    def _title(self, spec: ColumnSpec) -> str:
        """The title, with an arrow at the one that sorts."""
        if spec.sort != self._query.sort:
            return spec.title
        return f"{spec.title} {'↓' if self._query.descending else '↑'}"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The words of a cell; a row that is not loaded is empty and is asked for."""
        job = self.job_or_ask(index.row()) if index.isValid() else None
        if job is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self.told.words(job, Column(index.column()))
            case Qt.ItemDataRole.ToolTipRole:
                return self.told.explained(job, Column(index.column()))
            case Qt.ItemDataRole.UserRole:
                return job
            case _:
                return None

    # --- the core's news ---------------------------------------------------------------------

    def take(self, batch: Batch) -> None:
        """Change rows in place; note when rows may have moved."""
        if batch.missed:
            self._stale = True
        known = set()
        came_on: list[int] = []
        changed: list[int] = []
        for job in batch.jobs:
            replaced = self._rows.replace(job)
            if replaced is None:
                continue
            row, old = replaced
            known.add(job.job_id)
            self.told.keep_bar(job)
            self._stale = self._stale or self._may_move(old, job)
            (came_on if _only_came_on(old, job) else changed).append(row)
        self._tell(changed, _ALL)
        self._tell(came_on, _COMES_ON)
        if any(event.job_id not in known for event in batch.events):
            self._stale = True  # a new job, or one beyond what is loaded that may come in or go
        if self._query.sort == "updated_at" and any(j.job_id not in known for j in batch.jobs):
            self._stale = True

    def _tell(self, rows: Sequence[int], columns: tuple[Column, Column]) -> None:
        """That these rows changed, all at once: with each signal other threads have their turn."""
        if not rows:
            return
        self._changed = rows
        first, last = self.index(min(rows), columns[0]), self.index(max(rows), columns[1])
        self.dataChanged.emit(first, last)
        self._changed = None

    def take_positions(self, positions: Mapping[str, int]) -> None:
        """The line moved."""
        moved = self.told.take_positions(positions)
        self._tell(self._rows_of(moved), (Column.POSITION, Column.POSITION))

    def take_held(self, is_held: bool) -> None:
        """Whether the queue lets no job begin."""
        before, self.told.is_held = self.told.is_held, is_held
        if before is not is_held:
            waits = [
                row
                for row in self._rows.ids()
                if (job := self._rows.at(row)) is not None and job.status is JobStatus.QUEUED
            ]
            self._tell(waits, (Column.PROGRESS, Column.PROGRESS))

    def take_waits(self, waits: Mapping[str, Wait]) -> None:
        """When the jobs of the line begin; painted with the next second."""
        self.told.take_waits(waits, self._clock())

    def beat(self, _number: int) -> None:
        """The bridge's timer: read again what is stale, and let ages grow each second.

        They also grow with a reading that moves rows.
        """
        self._beats_since += 1
        if self._stale and not self._reading and self._beats_since >= self._every_beats:
            is_moving = self._beats_since <= MOVING_BEATS
            self._every_beats = (
                min(2 * self._every_beats, MOVING_BEATS) if is_moving else REFRESH_BEATS
            )
            self._read()
        if wanted := self.told.results.take_wanted():
            self._bridge.call(
                lambda core: read_results(core, wanted), self._results_read, self._results_lost
            )
        self._aged += 1
        if self._aged >= SECOND_BEATS:
            self._aged = 0
            self.told.now = self._clock()
            first, last = self._view[0], min(self._view[1], self._count - 1)
            if first <= last:
                self.dataChanged.emit(self.index(first, _TIMES[0]), self.index(last, _TIMES[1]))

    # --- reading -----------------------------------------------------------------------------

    def _read(self) -> None:
        self._reading, self._stale, self._beats_since = True, False, 0
        query = self._query
        first = max(0, self._view[0] // PAGE_ROWS - SPARE_PAGES)
        last = self._view[1] // PAGE_ROWS + SPARE_PAGES
        self._bridge.call(
            lambda core: read_rows(core, query, first, last - first + 1),
            self._rows_read,
            self._rows_lost,
        )

    def _rows_read(self, found: Found) -> None:
        self._reading = False
        if found.query != self._query:  # the query changed while this one was read
            self._read()
            return
        self.told.now = self._clock()
        if self._is_read:
            self._swap(found)
        else:
            self._reset(found)
        self.shown.emit(self._count)

    def _rows_lost(self, failure: JigDeskError) -> None:
        self._reading, self._stale = False, True
        self._beats_since = -20 * REFRESH_BEATS  # the journal's disk does not mend in a second
        if not self._is_read and self._count:  # what is there is another query's
            self.beginResetModel()
            self._rows.clear()
            self._asked.clear()
            self._count = 0
            self.endResetModel()
        self.unreadable.emit(failure.message)

    def _reset(self, found: Found) -> None:
        self.beginResetModel()
        self._rows.clear()
        self._asked.clear()
        self._count = found.count
        self._load(found)
        self._is_read = True
        self.endResetModel()

    def _swap(self, found: Found) -> None:
        """Take the new order over; rows that stayed in sight keep their indexes."""
        before = self._rows.ids()
        same = found.count == self._count and all(
            before.get(row, job.job_id) == job.job_id
            for row, job in enumerate(found.jobs, found.first)
        )
        if same:
            rows = enumerate(found.jobs, found.first)
            changed = [row for row, job in rows if self._rows.at(row) != job]
            self._load(found)
            self._tell(changed, _ALL)
            return
        if found.count > self._count:
            self.beginInsertRows(QModelIndex(), self._count, found.count - 1)
            self._count = found.count
            self.endInsertRows()
        self.layoutAboutToBeChanged.emit()
        old = self.persistentIndexList()
        self._rows.clear()
        self._asked.clear()
        self._load(found)
        self._aged = 0
        new = []
        for index in old:
            row: int | None = index.row()
            known = before.get(index.row())
            if known is not None:
                row = self._rows.row_of(known)
            elif self._rows.at(index.row()) is not None:
                row = None  # another job took its place
            gone = row is None or row >= found.count
            new.append(QModelIndex() if gone else self.index(row or 0, index.column()))
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()
        if found.count < self._count:
            self.beginRemoveRows(QModelIndex(), found.count, self._count - 1)
            self._count = found.count
            self.endRemoveRows()
        self.moved.emit()

    def _load(self, found: Found) -> None:
        for start in range(0, len(found.jobs), PAGE_ROWS):
            jobs = found.jobs[start : start + PAGE_ROWS]
            self._rows.load((found.first + start) // PAGE_ROWS, jobs)
            for job in jobs:
                self.told.keep_bar(job)

    def _want(self, number: int) -> None:
        if number in self._asked:
            return
        self._asked.add(number)
        query = self._query

        def come(jobs: Sequence[Job]) -> None:
            self._asked.discard(number)
            if query is not self._query or self._rows.has_page(number):
                return
            self._rows.load(number, jobs)
            first, last = number * PAGE_ROWS, min(number * PAGE_ROWS + len(jobs), self._count) - 1
            if first <= last:
                self.dataChanged.emit(self.index(first, 0), self.index(last, len(COLUMNS) - 1))
                self.moved.emit()
            if len(jobs) < PAGE_ROWS and last < self._count - 1:
                self._stale = True  # the list became shorter

        def lost(failure: JigDeskError) -> None:
            self._asked.discard(number)
            self._rows_lost(failure)

        self._bridge.call(lambda core: read_page(core, query, number), come, lost)

    def _results_read(self, found: Mapping[tuple[str, int], Results]) -> None:
        self.told.results.add(found)
        rows = self._rows_of(job_id for job_id, _ in found)
        self._tell(rows, (Column.PROGRESS, Column.PROGRESS))

    def _results_lost(self, _: JigDeskError) -> None:
        self.told.results.add({})

    def _rows_of(self, job_ids: Iterable[str]) -> list[int]:
        """Of those that are loaded."""
        rows = (self._rows.row_of(job_id) for job_id in job_ids)
        return [row for row in rows if row is not None]

    def _may_move(self, old: Job, new: Job) -> bool:
        states = self._query.states
        if states and (old.status in states) is not (new.status in states):
            return True
        if self._query.text and (old.message != new.message and old.status is not new.status):
            return True
        sort = self._query.sort
        if sort == "duration_s":
            return old.status is not new.status
        return bool(getattr(old, sort) != getattr(new, sort))


def with_sort(query: JobQuery, column: Column, *, descending: bool) -> JobQuery:
    """The same jobs in another order."""
    return replace(query, sort=COLUMNS[column].sort, descending=descending)


def _only_came_on(old: Job, new: Job) -> bool:
    """Whether nothing but progress was made: the other cells say what they said."""
    return _lasting(old) == _lasting(new)


def _lasting(job: Job) -> tuple[object, ...]:
    return (
        job.status,
        job.attempt,
        job.owner_id,
        job.workflow,
        job.stage_index,
        job.stage_count,
        job.started_at,
        job.finished_at,
    )
