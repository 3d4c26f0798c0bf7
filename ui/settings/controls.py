"""Small controls: a switch, and a few choices side by side."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from ui.theme.theme import Theme

SWITCH = QSize(38, 22)
KNOB_PX = 14


class Switch(QAbstractButton):
    """On or off; the words beside it say which, so that it is not colour alone."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setCheckable(True)
        self.setFixedSize(SWITCH)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        theme.changed.connect(self.update)

    def paintEvent(self, _: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """A track with a knob."""
        on, usable = self.isChecked(), self.isEnabled()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(1.5, 1.5, self.width() - 3, self.height() - 3)
        colour = self._theme.colour
        line = colour("accent" if (on and usable) or self.hasFocus() else "faint")
        painter.setPen(QPen(line, 2 if self.hasFocus() else 1))
        painter.setBrush(colour("accent" if on and usable else "line" if on else "panel"))
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour("panel" if on else "faint"))
        left = self.width() - KNOB_PX - 4 if on else 4
        painter.drawEllipse(QRectF(left, (self.height() - KNOB_PX) / 2, KNOB_PX, KNOB_PX))
        painter.end()


class Segments(QWidget):
    """One of a few words; `chosen(str)` follows the owner's choice, not the program's."""

    chosen = Signal(str)

    def __init__(self, words: Mapping[str, str], parent: QWidget | None = None) -> None:
        """Offer `words`: value → what is shown."""
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._group.setExclusive(True)
        self.buttons: dict[str, QPushButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for value, shown in words.items():
            button = QPushButton(shown, self)
            button.setProperty("role", "toggle")
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, v=value: self.chosen.emit(v))
            self._group.addButton(button)
            self.buttons[value] = button
            row.addWidget(button)
        row.addStretch(1)

    @property
    def value(self) -> str:
        """What is chosen; empty for nothing."""
        return next((value for value, b in self.buttons.items() if b.isChecked()), "")

    def choose(self, value: str) -> None:
        """Show a choice; one that is not offered shows none."""
        self._group.setExclusive(False)
        for offered, button in self.buttons.items():
            button.setChecked(offered == value)
        self._group.setExclusive(True)


class Combo(QComboBox):
    """A list to choose from, which the wheel does not change by accident."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The wheel scrolls the page."""
        if watched is self and event.type() is QEvent.Type.Wheel:
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
