"""The history of messages: a popover with all that were kept, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from ui.frame.lamp import Lamp
from ui.frame.toasts import Notice
from ui.theme.theme import Theme
from ui.words import breakable, local_time

WIDTH = 420
MOST_HEIGHT = 560
CLEAR_PX = 8
_LEVELS = {"error": ("error", "Error"), "note": ("accent", "Note")}


class History(QFrame):
    """Shows `notices`, which are given oldest first; each with a mark of its kind."""

    def __init__(self, notices: Sequence[Notice], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setObjectName("popover")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        body = QWidget(self)
        body.setObjectName("bare")
        self._lines = QVBoxLayout(body)
        self._lines.setContentsMargins(16, 12, 16, 12)
        self._lines.setSpacing(12)
        for notice in reversed(notices):
            self._lines.addLayout(_line(notice, theme, body))
        self.area = QScrollArea(self)
        self.area.setObjectName("bare")
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 1, 1, 1)
        column.addWidget(self.area)

    def open_above(self, place: QWidget) -> None:
        """Open with the lower right corner at `place`'s upper right one, inside its window."""
        for part in (self, *self.findChildren(QWidget)):
            part.ensurePolished()  # the style sheet has a say in the type
        corner = place.mapToGlobal(QPoint(place.width(), 0))
        window = place.window()
        top = window.mapToGlobal(QPoint(0, 0)).y()
        room = corner.y() - top - 2 * CLEAR_PX
        needed = self._lines.totalHeightForWidth(WIDTH - 2) + 2
        self.setFixedSize(WIDTH, min(needed, MOST_HEIGHT, room))
        left = max(window.mapToGlobal(QPoint(0, 0)).x(), corner.x() - WIDTH)
        self.move(left, corner.y() - self.height() - CLEAR_PX)
        self.show()


def _line(notice: Notice, theme: Theme, parent: QWidget) -> QHBoxLayout:
    level, name = _LEVELS[notice.tone]
    mark = Lamp(theme, parent)
    mark.show_level(level)
    mark.setAccessibleName(name)
    mark.setToolTip(name)
    when = QLabel(local_time(notice.at), parent)
    when.setProperty("tone", "muted")
    when.setProperty("scale", "small")
    text = QLabel(breakable(notice.text), parent)
    text.setWordWrap(True)
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    words = QVBoxLayout()
    words.setSpacing(2)
    words.addWidget(when)
    words.addWidget(text)
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words, 1)
    return row
