"""A job's files: open them, find them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from jigdesk.app.job_story import StoryFile
from ui.inspector.tables import FilesModel, Table


class FilesTab(QWidget):
    """Emits `opened`, `opened_outside` and `folder_shown` with a StoryFile."""

    opened = Signal(object)
    opened_outside = Signal(object)
    folder_shown = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = FilesModel()
        # stages and files are told apart by how they begin and how they end
        middle = Qt.TextElideMode.ElideMiddle
        self.table = Table(
            self.model, FilesModel.WIDTHS, FilesModel.NAME, "Files", self, elide=middle
        )
        self.table.activated.connect(self._activated)
        self.table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.table.customContextMenuRequested.connect(self._menu)
        self.words = QLabel(self)
        self.words.setWordWrap(True)
        self.words.setProperty("tone", "muted")
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = QPushButton("Open", self)
        self.folder = QPushButton("Show in its folder", self)
        self.open.clicked.connect(self._open_chosen)
        self.folder.clicked.connect(self._show_chosen)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.open)
        buttons.addWidget(self.folder)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addWidget(self.table, 1)
        column.addWidget(self.words, 1)
        column.addLayout(buttons)
        self.table.selectionModel().currentRowChanged.connect(lambda *_: self._enable())
        self.model.modelReset.connect(self._enable)
        self._enable()

    def show_files(self, files: Sequence[StoryFile], why_none: str) -> None:
        """Show these; the chosen file stays chosen. `why_none` is said where there are none."""
        self.words.setText(why_none)
        chosen = self._chosen()
        self.model.show_files(files)
        keys = [file.key for file in files]
        if chosen is not None and chosen.key in keys:
            self.table.selectRow(keys.index(chosen.key))
        self._enable()

    def _enable(self) -> None:
        some = self.model.rowCount() > 0
        self.table.setVisible(some)
        self.words.setVisible(not some)
        chosen = self._chosen() is not None
        self.open.setEnabled(chosen)
        self.folder.setEnabled(chosen)

    def _chosen(self) -> StoryFile | None:
        row = self.table.currentIndex().row()
        return self.model.file(row) if 0 <= row < self.model.rowCount() else None

    def _activated(self, index: QModelIndex) -> None:
        self.opened.emit(self.model.file(index.row()))

    def _open_chosen(self) -> None:
        if (file := self._chosen()) is not None:
            self.opened.emit(file)

    def _show_chosen(self) -> None:
        if (file := self._chosen()) is not None:
            self.folder_shown.emit(file)

    def _menu(self, place: QPoint) -> None:
        index = self.table.indexAt(place)
        if not index.isValid():
            return
        file = self.model.file(index.row())
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Open", lambda: self.opened.emit(file))
        menu.addAction("Open in the system's viewer", lambda: self.opened_outside.emit(file))
        menu.addAction("Show in its folder", lambda: self.folder_shown.emit(file))
        menu.addAction("Copy its key", lambda: QGuiApplication.clipboard().setText(file.key))
        menu.popup(self.table.viewport().mapToGlobal(place))
