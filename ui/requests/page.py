"""The requests' page: what came in, what the desk said to it, and sending it again."""

from __future__ import annotations

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QPlainTextEdit,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from ui.bridge import Bridge
from ui.details import Details, label
from ui.frame.toasts import Toasts
from ui.inbox import Batch
from ui.requests.reading import Seen, pretty, read_requests, replay
from ui.theme.theme import SMALL_PX, Theme
from ui.words import local_time

LIST_PX = 380
TEXT_PX = 160
Index = QModelIndex | QPersistentModelIndex
_NOWHERE = QModelIndex()
_ICONS = {"ok": "check", "warning": "warning", "error": "close"}


class RequestList(QAbstractListModel):
    """The newest requests first; new ones are put in front, so that the choice stays."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
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
                when = item.at.astimezone().strftime("%H:%M:%S")
                return f"{when}   {item.status}   {item.path.removeprefix('/webhooks/')}"
            case Qt.ItemDataRole.DecorationRole:
                return self._theme.icons.icon(_ICONS[item.level], item.level, 16)
            case Qt.ItemDataRole.ToolTipRole:
                return f"{item.verdict}: {item.reason}" if item.reason else item.verdict
            case _:
                return None


class RequestsPage(QWidget):
    """Everything that the tunnel let through."""

    def __init__(self, bridge: Bridge, theme: Theme, toasts: Toasts, url: str) -> None:
        super().__init__()
        self.setObjectName("page")
        self._bridge = bridge
        self._theme = theme
        self._toasts = toasts
        self.model = RequestList(theme, self)
        self.list = QListView(self)
        self.list.setFixedWidth(LIST_PX)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(2)
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._show())
        self.details = Details(self)
        shown = QWidget(self)
        row = QHBoxLayout(shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addWidget(self.details, 1)
        self.empty = QWidget(self)
        middle = QVBoxLayout(self.empty)
        title = label("No requests yet", scale="large", whole=False)
        words = label(f"Webhooks come in at {url}", tone="muted", whole=False)
        for part in (title, words):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        middle.addStretch(2)
        middle.addWidget(title)
        middle.addWidget(words)
        middle.addStretch(3)
        self._body = QStackedLayout()
        self._body.addWidget(self.empty)
        self._body.addWidget(shown)
        self._shown = shown
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 16)
        column.setSpacing(10)
        column.addWidget(label("Requests", scale="large", whole=False))
        column.addLayout(self._body, 1)
        bridge.arrived.connect(self._arrived)
        theme.changed.connect(self.list.viewport().update)
        self.refresh()

    def refresh(self) -> None:
        """Read the log again."""
        self._bridge.call(read_requests, self._read)

    def replay_current(self) -> None:
        """Send the chosen webhook again."""
        item = self.model.seen(self.list.currentIndex().row())
        if item is not None:
            self._bridge.call(
                lambda core: replay(core, item.request_id),
                lambda status: self._toasts.note(f"Sent again; the answer was {status}"),
            )

    def _arrived(self, batch: Batch) -> None:
        if batch.requests_came:
            self.refresh()

    def _read(self, seen: tuple[Seen, ...]) -> None:
        # who looks at the newest sees the next one too; another choice stays
        at_top = self.list.currentIndex().row() <= 0
        self.model.take(seen)
        if seen:
            self._body.setCurrentWidget(self._shown)
            if at_top:
                self.list.setCurrentIndex(self.model.index(0, 0))

    def _show(self) -> None:
        item = self.model.seen(self.list.currentIndex().row())
        details = self.details
        details.start()
        if item is None:
            details.end()
            return
        details.add(label(f"{item.method} {item.path}", scale="large"))
        answer = f"answered {item.status} in {item.latency_s * 1000:.0f} ms"
        about = f"{local_time(item.at)} · from {item.source} · {answer}"
        details.add(label(about, tone="muted"))
        words = f"{item.verdict.capitalize()}: {item.reason}" if item.reason else item.verdict
        details.add(label(words.capitalize() if not item.reason else words, bold=True))
        if item.can_replay:
            again = QPushButton("Send again", self)
            again.setToolTip("Signed anew, under a new id, to this desk's own listener")
            again.clicked.connect(self.replay_current)
            holder = QWidget(self)
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            row.addWidget(again)
            row.addStretch(1)
            details.add(holder)
        details.add_rows("Headers", item.headers)
        self._add_text("Body" + (", not all of it" if item.body_cut else ""), item.body)
        self._add_text("Answer", item.answer)
        details.end()

    def _add_text(self, title: str, text: str) -> None:
        if not text:
            return
        self.details.add(label(title, tone="muted", bold=True))
        box = QPlainTextEdit(pretty(text), self)
        box.setReadOnly(True)
        box.setFont(self._theme.font(SMALL_PX, mono=True))
        lines = box.document().blockCount()
        box.setFixedHeight(min(TEXT_PX * 2, max(40, 16 * lines + 24)))
        self.details.add(box)
