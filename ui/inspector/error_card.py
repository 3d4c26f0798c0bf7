"""Why a job failed, what helps, and the traceback for those who want it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.job import Failure
from ui.inspector.remedies import tell
from ui.theme.theme import SMALL_PX, Theme
from ui.words import breakable

TRACEBACK_HEIGHT = 150


class ErrorCard(QFrame):
    """Emits `retry_asked`."""

    retry_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("errorCard")
        self._failure: Failure | None = None
        self._more_words = "the traceback"
        self._title = self._label()
        self._title.setProperty("weight", "bold")
        self._message = self._label()
        self._hint = self._label()
        self._remedy = self._label()
        self._remedy.setProperty("tone", "muted")
        self.retry = QPushButton("Try again", self)
        self.retry.setProperty("role", "primary")
        self.retry.clicked.connect(self.retry_asked)
        self.more = QPushButton("Show the traceback", self)
        self.more.setCheckable(True)
        self.more.toggled.connect(self._toggled)
        self._copy = QPushButton("Copy", self)
        self._copy.clicked.connect(self._copy_all)
        self.traceback = QPlainTextEdit(self)
        self.traceback.setReadOnly(True)
        self.traceback.setTabChangesFocus(True)
        self.traceback.setAccessibleName("Traceback")
        self.traceback.setFont(theme.font(SMALL_PX, mono=True))
        self.traceback.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.traceback.setFixedHeight(TRACEBACK_HEIGHT)
        self.traceback.hide()
        self._parts = (self._title, self._message, self._hint, self._remedy)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.retry)
        buttons.addWidget(self.more)
        buttons.addWidget(self._copy)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        for part in self._parts:
            column.addWidget(part)
        column.addLayout(buttons)
        column.addWidget(self.traceback)

    @property
    def words(self) -> str:
        """Everything that the card says."""
        said = (part.text().replace("\u200b", "") for part in self._parts)
        return "\n".join(words for words in said if words)

    def show_failure(self, failure: Failure) -> None:
        """Show another failure."""
        if failure == self._failure:
            return
        self._failure = failure
        told = tell(failure)
        said = (told.headline, told.message, told.hint, told.remedy)
        for part, words in zip(self._parts, said, strict=True):
            part.setText(breakable(words))
            part.setVisible(bool(words))
        more = (failure.details, failure.traceback)
        text = "\n\n".join(part for part in more if part)
        self._more_words = "the traceback" if failure.traceback else "the details"
        self.more.setChecked(False)
        self._toggled(False)
        self.more.setVisible(bool(text))
        self.traceback.setPlainText(text)

    def _toggled(self, shown: bool) -> None:
        self.traceback.setVisible(shown)
        self.more.setText(f"{'Hide' if shown else 'Show'} {self._more_words}")

    def _copy_all(self) -> None:
        failure = self._failure
        if failure is not None:
            parts = [self.words, f"{failure.code}", self.traceback.toPlainText()]
            QGuiApplication.clipboard().setText("\n".join(part for part in parts if part))

    def _label(self) -> QLabel:
        label = QLabel(self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label
