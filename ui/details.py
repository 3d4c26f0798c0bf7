"""A list at the left and what is chosen of it at the right: the frame of two pages."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

LABEL_PX = 140


def label(
    words: str, *, tone: str = "", scale: str = "", bold: bool = False, whole: bool = True
) -> QLabel:
    """A text that can be selected; `whole` breaks it into lines."""
    made = QLabel(words)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    made.setWordWrap(whole)
    if tone:
        made.setProperty("tone", tone)
    if scale:
        made.setProperty("scale", scale)
    if bold:
        made.setProperty("weight", "bold")
    return made


class Details(QScrollArea):
    """Sections of text, replaced as a whole by `start` and what is added after it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
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
            grid.addWidget(label(name, whole=False), row, 0, top)
            value = label(words, tone="muted")
            value.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            grid.addWidget(value, row, 1, top)
        self.add(grid_owner)

    def end(self) -> None:
        """Nothing more comes: what there is stays at the top."""
        self._column.addStretch(1)
