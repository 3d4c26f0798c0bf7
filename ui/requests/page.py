"""The requests' page: what came in, what the desk said to it, and sending it again."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QListView,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.errors import JigDeskError
from ui.bridge import Bridge
from ui.details import Details, Said, TextBox, label
from ui.frame.toasts import Toasts
from ui.inbox import Batch
from ui.queue.sample import send_sample
from ui.requests.edit import EditDialog
from ui.requests.model import RequestList
from ui.requests.reading import Seen, bytes_words, pretty, read_requests, replay
from ui.theme.theme import Theme
from ui.words import local_time

LIST_PX, LEAST_LIST_PX, LIST_SHARE = 380, 236, 0.3


class RequestsPage(QWidget):
    """Everything that the tunnel let through."""

    def __init__(
        self, bridge: Bridge, theme: Theme, toasts: Toasts, url: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._bridge = bridge
        self._theme = theme
        self._toasts = toasts
        self._url = url
        self._editor: EditDialog | None = None
        self.model = RequestList(theme, self)
        self.list = QListView(self)
        self.list.setFixedWidth(LIST_PX)
        self.list.setUniformItemSizes(True)
        self.list.setSpacing(2)
        self.list.setAccessibleName("Requests, the newest first")
        self.list.setModel(self.model)
        self.list.selectionModel().currentChanged.connect(lambda *_: self._show())
        self.details = Details(self)
        shown = QWidget(self)
        row = QHBoxLayout(shown)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(self.list)
        row.addWidget(self.details, 1)
        self.empty = Said(self)
        self.empty.asked.connect(self._help)
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
        self._is_read = self._is_stale = False
        self.empty.say("Reading the requests")
        self.refresh()

    @property
    def editor(self) -> EditDialog | None:
        """The dialog in which a body is edited, while it is open."""
        return self._editor

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave the room to what is chosen."""
        super().resizeEvent(event)
        self.list.setFixedWidth(max(LEAST_LIST_PX, min(LIST_PX, round(self.width() * LIST_SHARE))))

    def refresh(self) -> None:
        """Read the log again."""
        self._is_stale = False
        self._bridge.call(read_requests, self._read, self._failed)

    def replay_current(self) -> None:
        """Send the chosen webhook again."""
        item = self.model.seen(self.list.currentIndex().row())
        if item is not None:
            self._bridge.call(
                lambda core: replay(core, item.request_id),
                lambda done: self._toasts.note(f"Sent again; the answer was {done.status}"),
            )

    def edit_current(self) -> None:
        """Open the chosen webhook's body, to be sent changed."""
        item = self.model.seen(self.list.currentIndex().row())
        if item is None or item.why_not or self._editor is not None:
            return
        dialog = self._editor = EditDialog(item, self._bridge, self._theme, self.window())
        dialog.finished.connect(self._edited)
        dialog.open()

    def _edited(self) -> None:
        if self._editor is not None:
            self._editor.deleteLater()
        self._editor = None

    def _help(self) -> None:
        if not self._is_read:
            self.empty.say("Reading the requests")
            self.refresh()
            return
        self.empty.show_busy("Sending")
        self._bridge.call(send_sample, lambda _: self._say_none(), self._sample_failed)

    def _sample_failed(self, failure: JigDeskError) -> None:
        self._say_none()
        self._toasts.fail(failure.message)

    def _say_none(self) -> None:
        self.empty.say(
            "No requests yet",
            f"Webhooks come in at {self._url}\nA sample job sends some.",
            "Run the sample job",
        )

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read what came while nobody looked."""
        super().showEvent(event)
        if self._is_stale:
            self.refresh()

    def _arrived(self, batch: Batch) -> None:
        if not batch.requests_came:
            return
        if self.isVisible():
            self.refresh()
        else:  # each request would cost the window more than its answer costs the desk
            self._is_stale = True

    def _failed(self, failure: JigDeskError) -> None:
        if self._is_read:
            self._toasts.fail(failure.message)
        else:
            self.empty.say("The requests cannot be read", failure.message, "Try again")

    def _read(self, seen: tuple[Seen, ...]) -> None:
        self._is_read = True
        # who looks at the newest sees the next one too; another choice stays
        at_top = self.list.currentIndex().row() <= 0
        self.model.take(seen)
        if not seen:
            self._say_none()
            return
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
        came = f"from {item.source} · {bytes_words(item.size_bytes)}"
        details.add(label(f"{local_time(item.at)} · {came} · {answer}", tone="muted"))
        words = f"{item.verdict}: {item.reason}" if item.reason else item.verdict
        details.add(label(words[:1].upper() + words[1:], bold=True))
        if item.method == "POST":
            details.add(self._buttons(item))
        if item.method == "POST" and item.why_not:
            details.add(label(item.why_not, tone="muted", scale="small"))
        details.add_rows("Headers", item.headers)
        self._add_text("Body" + (", not all of it" if item.body_cut else ""), item.body)
        self._add_text("Answer", item.answer)
        details.end()

    def _buttons(self, item: Seen) -> QWidget:
        again = QPushButton("Send again", self)
        again.setToolTip("Signed anew, under a new id, to this desk's own listener")
        again.clicked.connect(self.replay_current)
        edit = QPushButton("Edit and send…", self)
        edit.setToolTip("Send it with another body")
        edit.clicked.connect(self.edit_current)
        holder = QWidget(self)
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for button in (again, edit):
            button.setEnabled(not item.why_not)
            row.addWidget(button)
        row.addStretch(1)
        return holder

    def _add_text(self, title: str, text: str) -> None:
        if text:
            self.details.add(label(title, tone="muted", bold=True))
            self.details.add(TextBox(pretty(text), title, self._theme, self))
