"""The selection by job: it stays with its jobs while their rows move."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QModelIndex, QObject, Signal

from ui.queue.model import QueueModel

_FLAGS = QItemSelectionModel.SelectionFlag


class RowSelection(QItemSelectionModel):
    """Says when its rows are chosen anew, by a plain click for one, instead of added to.

    `renewing` comes before the change, `renewed` after it.
    """

    renewing = Signal()
    renewed = Signal()

    def select(  # type: ignore[override]  # both of Qt's
        self, rows: QItemSelection | QModelIndex, command: _FLAGS
    ) -> None:
        """Select as Qt does."""
        is_anew = bool(command & _FLAGS.Clear)
        if is_anew:
            self.renewing.emit()
        super().select(rows, command)
        if is_anew:
            self.renewed.emit()


class Selected(QObject):
    """Keeps the ids of the selected jobs and puts the view's rows right after each move.

    `changed(int)` tells how many are selected. Rows that are selected before they are loaded
    (a long stretch, everything) count as soon as `fetch` has brought their ids.
    """

    changed = Signal(int)
    fetch = Signal(int, int)

    def __init__(self, model: QueueModel, rows: RowSelection, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._rows = rows
        self._ids: dict[str, None] = {}
        self._putting = False
        self._turn = 0
        rows.selectionChanged.connect(self._took)
        rows.renewing.connect(self._turn_over)
        rows.renewed.connect(self._drop_unseen)
        model.layoutAboutToBeChanged.connect(self._hold)
        model.modelAboutToBeReset.connect(self._hold)
        model.rowsAboutToBeRemoved.connect(self._hold)
        model.moved.connect(self.put)
        model.modelReset.connect(self.put)

    @property
    def ids(self) -> tuple[str, ...]:
        """The selected jobs, in the order in which they were taken."""
        return tuple(self._ids)

    def has(self, job_id: str) -> bool:
        """Whether this job is selected."""
        return job_id in self._ids

    @property
    def turn(self) -> int:
        """Another number once something else was chosen than what is added to now."""
        return self._turn

    def clear(self) -> None:
        """Select nothing."""
        self._turn += 1
        self._ids.clear()
        self._rows.clearSelection()
        self.changed.emit(0)

    def take(self, job_ids: Iterable[str]) -> None:
        """Select these too."""
        self._ids.update(dict.fromkeys(job_ids))
        self.put()
        self.changed.emit(len(self._ids))

    def put(self) -> None:
        """Select the rows in which the selected jobs are now."""
        self._putting = True
        wanted = sorted(
            row for job_id in self._ids if (row := self._model.row_of(job_id)) is not None
        )
        last_column = self._model.columnCount() - 1
        picked = QItemSelection()
        for first, last in _runs(wanted):
            picked.select(self._model.index(first, 0), self._model.index(last, last_column))
        self._rows.select(picked, _FLAGS.ClearAndSelect)
        self._putting = False

    def _turn_over(self) -> None:
        if not self._putting:
            self._turn += 1

    def _drop_unseen(self) -> None:
        """Who chooses anew means what is marked, not jobs that lie elsewhere or left the list."""
        if self._putting:
            return
        stretches = [(part.top(), part.bottom()) for part in self._rows.selection().toList()]
        seen = {
            job_id
            for row, job_id in self._model.loaded().items()
            if any(top <= row <= bottom for top, bottom in stretches)
        }
        if len(seen) < len(self._ids):
            self._ids = {job_id: None for job_id in self._ids if job_id in seen}
            self.changed.emit(len(self._ids))

    def _hold(self) -> None:
        self._putting = True  # until `put`: Qt moves its own selection meanwhile

    def _took(self, added: QItemSelection, gone: QItemSelection) -> None:
        if self._putting:
            return
        for stretch in gone.toList():
            for row in range(stretch.top(), stretch.bottom() + 1):
                job = self._model.job(row)
                if job is not None:
                    self._ids.pop(job.job_id, None)
        if not self._rows.hasSelection():
            self._ids.clear()
        for stretch in added.toList():
            missing = []
            for row in range(stretch.top(), stretch.bottom() + 1):
                job = self._model.job(row)
                if job is not None:
                    self._ids[job.job_id] = None
                else:
                    missing.append(row)
            if missing:
                self.fetch.emit(missing[0], missing[-1] - missing[0] + 1)
        self.changed.emit(len(self._ids))


def _runs(rows: list[int]) -> Iterable[tuple[int, int]]:
    """Neighbouring rows as (first, last)."""
    start = before = None
    for row in rows:
        if before is None or row != before + 1:
            if start is not None and before is not None:
                yield start, before
            start = row
        before = row
    if start is not None and before is not None:
        yield start, before
