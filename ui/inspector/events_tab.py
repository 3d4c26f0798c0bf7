"""A job's events, and the data of the one that is chosen."""

from __future__ import annotations

import json

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPlainTextEdit, QSplitter, QVBoxLayout, QWidget

from ui.inspector.tables import EventsModel, Table
from ui.theme.theme import SMALL_PX, Theme

WHAT = 3


class EventsTab(QWidget):
    """Follows the newest event while the last row is in view."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = EventsModel()
        self.table = Table(self.model, EventsModel.WIDTHS, WHAT, "Events", self)
        self.data = QPlainTextEdit(self)
        self.data.setReadOnly(True)
        self.data.setTabChangesFocus(True)
        self.data.setAccessibleName("What the event carried")
        self.data.setFont(theme.font(SMALL_PX, mono=True))
        self.data.setPlaceholderText("Choose an event to see what it carried.")
        split = QSplitter(Qt.Orientation.Vertical, self)
        split.setChildrenCollapsible(False)
        split.setHandleWidth(8)
        split.setObjectName("bareSplit")
        split.addWidget(self.table)
        split.addWidget(self.data)
        split.setSizes([400, 160])
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.addWidget(split)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._chosen())
        self.model.modelReset.connect(self.data.clear)  # it tells of no row that goes
        self.model.rowsAboutToBeInserted.connect(lambda *_: self._look())
        self.model.rowsInserted.connect(lambda *_: self._follow())
        self._at_end = True

    def _look(self) -> None:
        bar = self.table.verticalScrollBar()
        self._at_end = bar.value() >= bar.maximum()

    def _follow(self) -> None:
        if self._at_end:
            self.table.scrollToBottom()

    def _chosen(self) -> None:
        row = self.table.currentIndex().row()
        if row < 0:
            self.data.clear()
            return
        event = self.model.event_at(row)
        self.data.setPlainText(json.dumps(dict(event.data), indent=2, ensure_ascii=False))
