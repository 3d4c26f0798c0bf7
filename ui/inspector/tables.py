"""The tables of the inspector: files and events."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from jigdesk.app.job_story import StoryFile
from jigdesk.domain.events import Event
from ui.words import local_time, size

Index = QModelIndex | QPersistentModelIndex
ROW_HEIGHT = 30
_ROLE = Qt.ItemDataRole
_NUMBER = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
NO_PARENT = QModelIndex()
LAST = 3
"""The column of what an event says."""


class Table(QTableView):
    """A quiet table: rows are chosen whole, the first column or the last takes the room."""

    def __init__(
        self,
        model: QAbstractTableModel,
        widths: Sequence[int],
        stretched: int,
        name: str,
        parent: QWidget | None = None,
        *,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self.setModel(model)
        self.setAccessibleName(name)
        self.setTabKeyNavigation(False)  # else the keyboard never leaves it
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setObjectName("plainTable")
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTextElideMode(elide)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setFixedHeight(ROW_HEIGHT)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        for column, width in enumerate(widths):
            mode = QHeaderView.ResizeMode.Fixed
            header.setSectionResizeMode(
                column, QHeaderView.ResizeMode.Stretch if column == stretched else mode
            )
            if column != stretched:
                header.resizeSection(column, width)


class FilesModel(QAbstractTableModel):
    """A job's files."""

    TITLES = ("From", "Name", "Size", "Pixels")
    WIDTHS = (112, 0, 76, 100)
    NAME = 1

    def __init__(self) -> None:
        super().__init__()
        self._files: Sequence[StoryFile] = ()

    def show_files(self, files: Sequence[StoryFile]) -> None:
        """Show these."""
        if files != self._files:
            self.beginResetModel()
            self._files = files
            self.endResetModel()

    def file(self, row: int) -> StoryFile:
        """The file of a row."""
        return self._files[row]

    def rowCount(self, parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """How many files."""
        return 0 if parent.isValid() else len(self._files)

    def columnCount(self, parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """How many columns."""
        return 0 if parent.isValid() else len(self.TITLES)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation is Qt.Orientation.Horizontal and role == _ROLE.DisplayRole:
            return self.TITLES[section]
        if role == _ROLE.TextAlignmentRole and section >= 2:  # noqa: PLR2004
            return _NUMBER
        return None

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        """What a cell says."""
        file = self._files[index.row()]
        if role == _ROLE.DisplayRole:
            return self._words(file, index.column())
        if role == _ROLE.ToolTipRole:
            return f"{file.stage}\n{file.key}"
        if role == _ROLE.TextAlignmentRole and index.column() >= 2:  # noqa: PLR2004
            return _NUMBER
        return None

    def _words(self, file: StoryFile, column: int) -> str:
        match column:
            case 0:
                return "input" if file.role == "input" else file.stage
            case self.NAME:
                return f"{file.name} (partial)" if file.partial else file.name
            case 2:
                return "" if file.size_bytes is None else size(file.size_bytes)
            case _:
                return "" if file.width is None else f"{file.width} × {file.height}"


class EventsModel(QAbstractTableModel):
    """A job's events, oldest first."""

    TITLES = ("#", "Time", "Event", "What")
    WIDTHS = (56, 88, 132, 0)

    def __init__(self) -> None:
        super().__init__()
        self._events: list[Event] = []

    @property
    def last_seq(self) -> int:
        """The newest event's seq; 0 without one."""
        return self._events[-1].seq if self._events else 0

    def clear(self) -> None:
        """Forget all."""
        self.beginResetModel()
        self._events = []
        self.endResetModel()

    def add(self, events: Sequence[Event]) -> None:
        """Append those that are newer than what is there."""
        newer = [event for event in events if event.seq > self.last_seq]
        if newer:
            first = len(self._events)
            self.beginInsertRows(QModelIndex(), first, first + len(newer) - 1)
            self._events += newer
            self.endInsertRows()

    def event_at(self, row: int) -> Event:
        """The event of a row."""
        return self._events[row]

    def rowCount(self, parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """How many events."""
        return 0 if parent.isValid() else len(self._events)

    def columnCount(self, parent: Index = NO_PARENT) -> int:  # noqa: N802 - Qt's name
        """How many columns."""
        return 0 if parent.isValid() else len(self.TITLES)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        """The columns' titles."""
        if orientation is Qt.Orientation.Horizontal and role == _ROLE.DisplayRole:
            return self.TITLES[section]
        if role == _ROLE.TextAlignmentRole and section == 0:
            return _NUMBER
        return None

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        """What a cell says."""
        event = self._events[index.row()]
        if role == _ROLE.DisplayRole:
            return (
                str(event.seq),
                event.at.astimezone().strftime("%H:%M:%S"),
                event.name,
                event_words(event.data),
            )[index.column()]
        if role == _ROLE.ToolTipRole:
            return event_words(event.data) if index.column() == LAST else local_time(event.at)
        if role == _ROLE.TextAlignmentRole and index.column() == 0:
            return _NUMBER
        return None


def event_words(data: Mapping[str, Any]) -> str:
    """One line about an event."""
    parts = []
    for name in ("status", "stage", "node_title", "code", "message"):
        if data.get(name):
            parts.append(str(data[name]))
    progress = data.get("progress")
    if isinstance(progress, int | float):
        parts.append(f"{progress:.0%}")
    for name in ("files", "new_files", "keys_changed"):
        if isinstance(data.get(name), list):
            number = len(data[name])
            parts.append(f"{number} file{'' if number == 1 else 's'}")
    return " · ".join(parts) or json.dumps(data)[:120]
