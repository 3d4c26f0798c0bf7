"""The requests as a list, the newest first."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from jigdesk.domain.clock import Clock, utc_now
from ui.requests.reading import Seen
from ui.theme.theme import Theme
from ui.words import local_time

Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_ICONS = {"ok": "check", "warning": "warning", "error": "close"}


class RequestList(QAbstractListModel):
    """The newest requests first; new ones are put in front, so that the choice stays."""

    def __init__(
        self, theme: Theme, parent: QObject | None = None, *, clock: Clock = utc_now
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._clock = clock
        self._seen: tuple[Seen, ...] = ()

    def seen(self, row: int) -> Seen | None:
        """The request of a row; None beyond the end."""
        return self._seen[row] if 0 <= row < len(self._seen) else None

    def take(self, seen: tuple[Seen, ...]) -> None:
        """What there is now."""
        known = {item.request_id for item in self._seen}
        new = [item for item in seen if item.request_id not in known]
        if new:
            self.beginInsertRows(QModelIndex(), 0, len(new) - 1)
            self._seen = (*new, *self._seen)
            self.endInsertRows()
        if len(self._seen) > len(seen):
            self.beginRemoveRows(QModelIndex(), len(seen), len(self._seen) - 1)
            self._seen = self._seen[: len(seen)]
            self.endRemoveRows()

    def rowCount(self, parent: Index = _NOWHERE) -> int:  # noqa: N802 - Qt's name
        """How many are kept."""
        return 0 if parent.isValid() else len(self._seen)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A line: when, where, and the answer."""
        item = self.seen(index.row())
        if item is None:
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                when = moment(item.at, self._clock())
                return f"{when}   {item.status}   {item.path.removeprefix('/webhooks/')}"
            case Qt.ItemDataRole.DecorationRole:
                return self._theme.icons.icon(_ICONS[item.level], item.level, 16)
            case Qt.ItemDataRole.ToolTipRole:
                verdict = f"{item.verdict}: {item.reason}" if item.reason else item.verdict
                return f"{local_time(item.at)}\n{verdict}"
            case _:
                return None


def moment(at: datetime, now: datetime) -> str:
    """`14:04:17` today, else with the day: `25 Nov 14:04`."""
    here, today = at.astimezone(), now.astimezone().date()
    return here.strftime("%H:%M:%S" if here.date() == today else "%d %b %H:%M")
