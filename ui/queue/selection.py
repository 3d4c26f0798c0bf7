"""The selection by job: it stays with its jobs while their rows move."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QObject, Signal

from ui.queue.model import QueueModel

_FLAGS = QItemSelectionModel.SelectionFlag


class Selected(QObject):
    """Keeps the ids of the selected jobs and puts the view's rows right after each move.

    `changed(int)` tells how many are selected. Rows that are selected before they are loaded
    (a long stretch, everything) count as soon as `fetch` has brought their ids.
    """

    changed = Signal(int)
    fetch = Signal(int, int)

    def __init__(self, model: QueueModel, rows: QItemSelectionModel, parent: QObject) -> None:
        super().__init__(parent)
        self._model = model
        self._rows = rows
        self._ids: dict[str, None] = {}
        self._putting = False
        rows.selectionChanged.connect(self._took)
        model.layoutAboutToBeChanged.connect(self._hold)
        model.modelAboutToBeReset.connect(self._hold)
        model.rowsAboutToBeRemoved.connect(self._hold)
        model.moved.connect(self.put)
        model.modelReset.connect(self.put)

    @property
    def ids(self) -> tuple[str, ...]:
        """The selected jobs, in the order in which they were taken."""
        return tuple(self._ids)

    def clear(self) -> None:
        """Select nothing."""
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
