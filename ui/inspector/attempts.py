"""A job's attempts, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from jigdesk.domain.changes import Attempt
from jigdesk.domain.job import JobStatus
from ui.graph.states import took
from ui.words import counted, local_time

CARD_WIDTH = 176
HEIGHT = 100
MOST = 20
"""Cards that are shown: a job that is tried again and again would fill the memory with them."""
_WORDS = {
    JobStatus.COMPLETED: "✓ Completed",
    JobStatus.FAILED: "✕ Failed",
    JobStatus.CANCELLED: "\N{EN DASH} Cancelled",
}


class Attempts(QScrollArea):
    """One card an attempt, the newest first; of very many the newest, with how many came before."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFixedHeight(HEIGHT + 12)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setObjectName("bare")
        self.setAccessibleName("Attempts")
        self._shown: Sequence[Attempt] = ()
        self._fill()

    @property
    def shown(self) -> Sequence[Attempt]:
        """What is shown, oldest first."""
        return self._shown

    def show_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Show these, oldest first."""
        if tuple(attempts) != tuple(self._shown):
            self._shown = tuple(attempts)
            self._fill()

    def _fill(self) -> None:
        body = QWidget(self)
        body.setObjectName("bare")
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for attempt in reversed(self._shown[-MOST:]):
            row.addWidget(_card(attempt, body))
        if (earlier := len(self._shown) - MOST) > 0:
            words = QLabel(f"{counted(earlier, 'attempt')} before", body)
            words.setProperty("tone", "muted")
            words.setProperty("scale", "small")
            row.addWidget(words)
        row.addStretch(1)
        self.setWidget(body)


def _card(attempt: Attempt, parent: QWidget) -> QFrame:
    card = QFrame(parent)
    card.setObjectName("raised")
    card.setFixedSize(CARD_WIDTH, HEIGHT)
    state = "● Under way" if attempt.status is None else _WORDS.get(attempt.status, "")
    head = f"Attempt {attempt.attempt}"
    if attempt.ended_at is not None:
        head += f" · {took((attempt.ended_at - attempt.started_at).total_seconds())}"
    column = QVBoxLayout(card)
    column.setContentsMargins(10, 8, 10, 8)
    column.setSpacing(2)
    why = attempt.message or attempt.reason
    for words, tone in ((head, ""), (state, _tone(attempt)), (why, "muted")):
        label = QLabel(words, card)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("scale", "small")
        if tone:
            label.setProperty("tone", tone)
        label.setWordWrap(words is why)
        column.addWidget(label)
    column.addStretch(1)
    card.setToolTip(f"{local_time(attempt.started_at)}\n{attempt.reason}\n{attempt.message or ''}")
    return card


def _tone(attempt: Attempt) -> str:
    return {JobStatus.FAILED: "error"}.get(attempt.status, "") if attempt.status else "muted"
