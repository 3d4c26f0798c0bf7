"""A webhook is sent again with another body."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.webhooks import MAX_BODY_BYTES
from ui.bridge import Bridge
from ui.details import TextBox, label
from ui.requests.reading import Answer, Seen, bytes_words, pretty, problem_of, replay
from ui.theme.theme import SMALL_PX, Theme

SIZE = QSize(640, 560)
CHECK_MS = 150
"""A body is checked once the typing rests: a large one takes a while."""


class EditDialog(QDialog):
    """Use `open()`. The body may be sent as often as the owner likes; the answer stands below."""

    def __init__(
        self, seen: Seen, bridge: Bridge, theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Edit and send again")
        self._seen = seen
        self._bridge = bridge
        self._theme = theme
        self._sending = False
        self.body = QPlainTextEdit(pretty(seen.body), self)
        self.body.setFont(theme.font(SMALL_PX, mono=True))
        self.body.setTabChangesFocus(True)
        self.body.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.body.setAccessibleName("Body")
        self.words = label("", tone="muted", scale="small")
        self.send = QPushButton("Send", self)
        self.send.setProperty("role", "primary")
        self.send.setAutoDefault(False)
        self.send.setToolTip("Ctrl+Enter")
        self.close_button = QPushButton("Close", self)
        self.close_button.setAutoDefault(False)
        self._answered = label("", bold=True)
        self._answer_id = label("", tone="muted", scale="small")
        self._answer: TextBox | None = None
        self._checking = QTimer(self)
        self._checking.setSingleShot(True)
        self._checking.setInterval(CHECK_MS)
        self._checking.timeout.connect(self._check)
        self._column = QVBoxLayout(self)
        self._lay_out()
        self.body.textChanged.connect(self._typed)
        self.send.clicked.connect(self._send)
        self.close_button.clicked.connect(self.reject)
        for key in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(key), self).activated.connect(self.send.click)
        self.finished.connect(self._checking.stop)
        self._check()

    @property
    def answer(self) -> str:
        """What is said of the last answer; empty before one."""
        return self._answered.text()

    def _lay_out(self) -> None:
        self.resize(SIZE)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.words, 1)
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.send)
        self._answered.hide()
        self._answer_id.hide()
        column = self._column
        column.setContentsMargins(20, 16, 20, 16)
        column.setSpacing(12)
        column.addWidget(label(f"{self._seen.method} {self._seen.path}", scale="large"))
        told = "Signed anew, under a new webhook-id, to this desk's own listener."
        column.addWidget(label(told, tone="muted"))
        column.addWidget(self.body, 1)
        column.addLayout(buttons)
        column.addWidget(self._answered)
        column.addWidget(self._answer_id)

    def _typed(self) -> None:
        self.send.setEnabled(False)
        self._checking.start()

    def _check(self) -> None:
        self._checking.stop()
        body = self.body.toPlainText()
        problem = problem_of(body)
        limit = f"{MAX_BODY_BYTES // 1024} KB"
        self.words.say(problem or f"JSON, {bytes_words(len(body.encode()))} of {limit}")
        self.words.setProperty("tone", "error" if problem else "muted")
        self.words.style().polish(self.words)
        self.send.setEnabled(not problem and not self._sending)

    def _send(self) -> None:
        if self._sending:
            return
        self._sending = True
        self.send.setEnabled(False)
        seen, body = self._seen, self.body.toPlainText()
        self._bridge.call(
            lambda core: replay(core, seen.request_id, body), self._came, self._refused
        )

    def _came(self, answer: Answer) -> None:
        self._say(f"Answered {answer.status}", answer.webhook_id, pretty(answer.text))

    def _refused(self, failure: JigDeskError) -> None:
        self._say(failure.message, "", "")

    def _say(self, words: str, webhook_id: str, text: str) -> None:
        self._sending = False
        self._answered.say(words)
        self._answered.show()
        self._answer_id.say(f"webhook-id {webhook_id}")
        self._answer_id.setVisible(bool(webhook_id))
        if self._answer is not None:
            self._column.removeWidget(self._answer)
            self._answer.hide()
            self._answer.deleteLater()
            self._answer = None
        if text:
            self._answer = TextBox(text, "Answer", self._theme, self)
            self._column.addWidget(self._answer, 0, Qt.AlignmentFlag.AlignTop)
        self._check()
