"""Toasts: short messages that come and go, and stay in a history."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from jigdesk.domain.clock import Clock, utc_now
from ui.words import breakable

SHOWN_S = 8.0
SHOWN_AT_ONCE = 3
HISTORY = 100
WIDTH = 360
MARGIN = 16


@dataclass(frozen=True, slots=True)
class Notice:
    """One message; `tone` is error or note."""

    at: datetime
    tone: str
    text: str


class Toast(QFrame):
    """One message on the screen; a click on it ends it."""

    ended = Signal()

    def __init__(self, notice: Notice, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("toast")
        self.setProperty("tone", notice.tone)
        self.setFixedWidth(WIDTH)
        self.text = notice.text
        label = QLabel(breakable(notice.text), self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        close = QPushButton("Dismiss", self)
        close.setProperty("role", "chip")
        close.clicked.connect(self.ended)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 8, 8, 8)
        row.setSpacing(8)
        row.addWidget(label, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)


class Toasts(QObject):
    """Shows messages over the lower right of a widget; `counted(int)` tells the history's size."""

    counted = Signal(int)

    def __init__(self, over: QWidget, clock: Clock = utc_now) -> None:
        super().__init__(over)
        self._over = over
        self._clock = clock
        self._history: deque[Notice] = deque(maxlen=HISTORY)
        self._shown: list[tuple[Toast, float]] = []
        self._timer = QTimer(self)
        self._timer.setInterval(500)
        self._timer.timeout.connect(self._age)
        self._foot = 0

    @property
    def history(self) -> tuple[Notice, ...]:
        """Newest last."""
        return tuple(self._history)

    @property
    def shown(self) -> tuple[str, ...]:
        """What is on the screen now."""
        return tuple(toast.text for toast, _ in self._shown)

    def keep_clear(self, foot: int) -> None:
        """Leave so many pixels at the lower edge."""
        self._foot = foot

    def fail(self, text: str) -> None:
        """An expected failure."""
        self._add("error", text)

    def note(self, text: str) -> None:
        """Something that the owner did has happened."""
        self._add("note", text)

    def _add(self, tone: str, text: str) -> None:
        notice = Notice(self._clock(), tone, text)
        self._history.append(notice)
        self.counted.emit(len(self._history))
        if any(words == text for words in self.shown):
            return  # said already, and still to be seen
        while len(self._shown) >= SHOWN_AT_ONCE:
            self._end(self._shown[0][0])
        toast = Toast(notice, self._over)
        toast.ended.connect(lambda: self._end(toast))
        self._shown.append((toast, SHOWN_S))
        toast.show()
        toast.adjustSize()
        self.place()
        self._timer.start()

    def _age(self) -> None:
        step = self._timer.interval() / 1000
        self._shown = [
            (toast, left if toast.underMouse() else left - step) for toast, left in self._shown
        ]
        for toast, left in tuple(self._shown):
            if left <= 0:
                self._end(toast)

    def _end(self, toast: Toast) -> None:
        self._shown = [entry for entry in self._shown if entry[0] is not toast]
        toast.hide()
        toast.deleteLater()
        self.place()
        if not self._shown:
            self._timer.stop()

    def place(self) -> None:
        """Keep to the corner: the widget changed its size."""
        bottom = self._over.height() - MARGIN - self._foot
        for toast, _ in reversed(self._shown):
            toast.move(self._over.width() - WIDTH - MARGIN, bottom - toast.height())
            toast.raise_()
            bottom -= toast.height() + 8
