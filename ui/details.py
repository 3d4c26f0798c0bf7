"""A list at the left and what is chosen of it at the right: the frame of two pages."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QMargins, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFontMetrics, QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ui.theme.theme import SMALL_PX, Theme
from ui.words import breakable

LABEL_PX = 140
WIDEST_LABEL_PX = 190
SAID_PX = 440
LEAST_TEXT_PX, MOST_TEXT_PX = 40, 320
TEXT_MARGIN = 9


class Words(QLabel):
    """A text that can be selected; long words break into lines, and are copied as they were."""

    def __init__(self, words: str, *, whole: bool = True) -> None:
        super().__init__()
        self._whole = whole
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setWordWrap(whole)
        self.say(words)

    def say(self, words: str) -> None:
        """Show another text."""
        self.setText(breakable(words) if self._whole else words)

    def copy(self) -> None:
        """Put what is selected on the clipboard, without the places to break."""
        QGuiApplication.clipboard().setText(self.selectedText().replace("\u200b", ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Copy by itself."""
        if event.matches(QKeySequence.StandardKey.Copy) and self.hasSelectedText():
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802 - Qt's name
        """Offer to copy."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy", self.copy).setEnabled(self.hasSelectedText())
        menu.popup(event.globalPos())


def label(
    words: str, *, tone: str = "", scale: str = "", bold: bool = False, whole: bool = True
) -> Words:
    """A text that can be selected; `whole` breaks it into lines."""
    made = Words(words, whole=whole)
    if tone:
        made.setProperty("tone", tone)
    if scale:
        made.setProperty("scale", scale)
    if bold:
        made.setProperty("weight", "bold")
    return made


class TextBox(QPlainTextEdit):
    """A text in the monospace font, as high as its lines within reason."""

    def __init__(self, text: str, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setReadOnly(True)
        self.setTabChangesFocus(True)
        self.setAccessibleName(name)
        self.setFont(theme.font(SMALL_PX, mono=True))
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())
        self._fit()

    def _fit(self) -> None:
        # a plain text's document is measured in lines
        lines = self.document().documentLayout().documentSize().height()
        around = self.contentsMargins() + QMargins(0, TEXT_MARGIN, 0, TEXT_MARGIN)
        line = QFontMetrics(self.font()).lineSpacing()
        needed = round(lines * line + 2 * self.document().documentMargin())
        height = needed + around.top() + around.bottom()
        self.setFixedHeight(min(MOST_TEXT_PX, max(LEAST_TEXT_PX, height)))


class Said(QWidget):
    """A page that has nothing to show: why, and one button that helps. Emits `asked`."""

    asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", scale="large", whole=False)
        self.words = label("", tone="muted")
        self.words.setFixedWidth(SAID_PX)
        self.button = QPushButton(self)
        self.button.setProperty("role", "primary")
        self.button.clicked.connect(self.asked)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addStretch(2)
        for part in (self.title, self.words, self.button):
            if isinstance(part, QLabel):
                part.setAlignment(Qt.AlignmentFlag.AlignCenter)
            row = QHBoxLayout()
            row.addStretch(1)
            row.addWidget(part)
            row.addStretch(1)
            column.addLayout(row)
        column.addStretch(3)

    def say(self, title: str, words: str = "", button: str = "") -> None:
        """Say this; without a verb there is no button."""
        self.title.say(title)
        self.words.say(words)
        self.words.setVisible(bool(words))
        self.button.setText(button)
        self.button.setVisible(bool(button))
        self.button.setEnabled(True)

    def show_busy(self, words: str) -> None:
        """What the button asked for is under way."""
        self.button.setText(words)
        self.button.setEnabled(False)


class Details(QScrollArea):
    """Sections of text, replaced as a whole by `start` and what is added after it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName("Details")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._column = QVBoxLayout()
        self.start()

    def start(self) -> None:
        """Begin anew."""
        body = QWidget(self)
        body.setAutoFillBackground(False)
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(24, 20, 24, 20)
        self._column.setSpacing(12)
        self.setWidget(body)
        body.setAutoFillBackground(False)
        self.viewport().setAutoFillBackground(False)

    def add(self, part: QWidget) -> None:
        """Below what is there."""
        self._column.addWidget(part)

    def add_rows(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """A section of names and what they are; left out when it has no rows."""
        lines = list(rows)
        if not lines:
            return
        self.add(label(title, tone="muted", bold=True))
        grid_owner = QWidget(self)
        grid = QGridLayout(grid_owner)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(8)
        grid.setColumnMinimumWidth(0, LABEL_PX)
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        for row, (name, words) in enumerate(lines):
            said = label(name)
            said.setMaximumWidth(WIDEST_LABEL_PX)
            grid.addWidget(said, row, 0, top)
            value = label(words, tone="muted")
            value.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            grid.addWidget(value, row, 1, top)
        self.add(grid_owner)

    def end(self) -> None:
        """Nothing more comes: what there is stays at the top."""
        self._column.addStretch(1)
