"""The manifests of a job as trees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from ui.inspector.json_tree import JsonModel
from ui.theme.theme import SMALL_PX, Theme

NAME_WIDTH = 148
OPEN_DEPTH = 4


class Manifests(QWidget):
    """One document at a time, chosen by name."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._documents: Mapping[str, Any] = {}
        self.choice = QComboBox(self)
        self.choice.setAccessibleName("Manifest")
        self.choice.currentTextChanged.connect(self._show)
        self._copy = QPushButton("Copy", self)
        self._copy.clicked.connect(self._copy_document)
        self.model = JsonModel(self)
        self.tree = QTreeView(self)
        self.tree.setModel(self.model)
        self.tree.setAccessibleName("What the manifest says")
        self.tree.setFont(theme.font(SMALL_PX, mono=True))
        self.tree.setUniformRowHeights(True)
        self.tree.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.tree.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.tree.setIndentation(14)
        header = self.tree.header()
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        header.resizeSection(0, NAME_WIDTH)
        self.words = QLabel(self)
        self.words.setProperty("tone", "muted")
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.choice, 1)
        row.addWidget(self._copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 16)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.tree, 1)
        column.addWidget(self.words, 1)
        self.say("Reading the manifests")

    def say(self, words: str) -> None:
        """Show a sentence and no document."""
        self._documents = {}
        self.words.setText(words)
        for part in (self.choice, self._copy, self.tree):
            part.hide()
        self.words.show()

    def show_documents(self, documents: Mapping[str, Any]) -> None:
        """Show these; the one that was chosen stays so."""
        if not documents:
            self.say("The store has no manifest of this job yet.")
            return
        if documents == self._documents:
            return
        chosen = self.choice.currentText()
        self._documents = documents
        self.choice.blockSignals(True)
        self.choice.clear()
        self.choice.addItems(list(documents))
        self.choice.setCurrentText(chosen if chosen in documents else next(iter(documents)))
        self.choice.blockSignals(False)
        self._show(self.choice.currentText())
        for part in (self.choice, self._copy, self.tree):
            part.show()
        self.words.hide()

    def _show(self, name: str) -> None:
        if name in self._documents:
            self.model.show_document(self._documents[name])
            self.tree.expandToDepth(OPEN_DEPTH)

    def _copy_document(self) -> None:
        document = self._documents.get(self.choice.currentText())
        text = document if isinstance(document, str) else json.dumps(document, indent=2)
        QGuiApplication.clipboard().setText(text)
