"""A log console: smooth at thousands of lines a second, searched and locked at will."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from ui.host.log_feed import Level, LogLine, level_of
from ui.theme.theme import SMALL_PX, Theme

BLOCKS = 5_000
MARKED = 500
_INKS = {
    Level.DEBUG: "faint",
    Level.INFO: "text",
    Level.WARNING: "warning",
    Level.ERROR: "error",
}


class Console(QWidget):
    """Shows lines; follows the newest until the owner scrolls up, searches, or locks it."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._formats: dict[Level, QTextCharFormat] = {}
        self._transient = False
        self.text = QPlainTextEdit(self)
        self.text.setReadOnly(True)
        self.text.setUndoRedoEnabled(False)
        self.text.setMaximumBlockCount(BLOCKS)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName("Log")
        self.search = QLineEdit(self)
        self.search.setPlaceholderText("Search the log")
        self.search.setAccessibleName("Search the log")
        self.search.setClearButtonEnabled(True)
        self.found = QLabel(self)
        self.found.setProperty("tone", "muted")
        self.found.setProperty("scale", "small")
        self.follow = QPushButton("Follow", self)
        self.follow.setCheckable(True)
        self.follow.setChecked(True)
        self.follow.setProperty("role", "toggle")
        self.follow.setToolTip("Keep the newest line in view")
        copy = QPushButton("Copy all", self)
        copy.clicked.connect(self.copy_all)
        self.bar = QHBoxLayout()
        self.bar.setSpacing(8)
        self.bar.addWidget(self.search, 1)
        self.bar.addWidget(self.found)
        self.bar.addWidget(self.follow)
        self.bar.addWidget(copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self.bar)
        column.addWidget(self.text, 1)
        self.search.textChanged.connect(self._search_changed)
        self.search.returnPressed.connect(self.find_next)
        self.follow.toggled.connect(self._follow_changed)
        self.text.verticalScrollBar().actionTriggered.connect(self._scrolled)
        theme.changed.connect(self._dress)
        self._dress()

    @property
    def line_count(self) -> int:
        """How many lines are shown."""
        return 0 if self.text.document().isEmpty() else self.text.blockCount()

    @property
    def is_full(self) -> bool:
        """Whether as many lines are shown as it keeps: older ones may be gone."""
        return self.text.blockCount() >= BLOCKS

    def say_when_empty(self, words: str) -> None:
        """The sentence for an empty log."""
        self.text.setPlaceholderText(words)

    def show_lines(self, lines: Sequence[LogLine]) -> None:
        """Show these instead."""
        self.text.clear()
        self._transient = False
        self.add(lines)

    def add(self, lines: Sequence[LogLine]) -> None:
        """Append lines; all at once, so that the view lays out once."""
        shown = _collapsed(lines[-BLOCKS:])
        if not shown:
            return
        looked_at = QTextCursor(self.text.firstVisibleBlock())
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        if self._transient:  # a progress bar takes one line
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            cursor.removeSelectedText()
        fresh = self.text.document().isEmpty()
        for level, words in _runs(shown):
            cursor.insertText(words if fresh else f"\n{words}", self._formats[level])
            fresh = False
        cursor.endEditBlock()
        self._transient = shown[-1].transient
        bar = self.text.verticalScrollBar()
        # older lines go when the console is full: what is looked at moves up in it
        bar.setValue(bar.maximum() if self.follow.isChecked() else looked_at.blockNumber())
        if self.search.text():
            self._mark()

    def event(self, event: QEvent) -> bool:
        """Take the keys for searching before the shortcut of a page around or beside it."""
        if event.type() is QEvent.Type.ShortcutOverride and _is_find(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Go to the search."""
        if _is_find(event):
            self.focus_search()
        else:
            super().keyPressEvent(event)

    def focus_search(self) -> None:
        """Let the owner type what is searched."""
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def find_next(self) -> None:
        """Go to the next place of the searched words, around the end."""
        words = self.search.text()
        if not words:
            return
        self.follow.setChecked(False)
        if not self.text.find(words):
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.text.find(words)

    def copy_all(self) -> None:
        """Put everything on the clipboard."""
        QGuiApplication.clipboard().setText(self.text.toPlainText())

    def _search_changed(self) -> None:
        self._mark()
        if self.search.text():
            self.follow.setChecked(False)
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            self.text.find(self.search.text())

    def _mark(self) -> None:
        words = self.search.text()
        marks: list[QTextEdit.ExtraSelection] = []
        if words:
            ground = QTextCharFormat()
            ground.setBackground(QBrush(self._theme.colour("accent_background")))
            ground.setForeground(QBrush(self._theme.ink("text", "accent_background")))
            document: QTextDocument = self.text.document()
            cursor = document.find(words)
            while not cursor.isNull() and len(marks) < MARKED:
                mark = QTextEdit.ExtraSelection()
                mark.cursor = cursor
                mark.format = ground
                marks.append(mark)
                cursor = document.find(words, cursor)
        self.text.setExtraSelections(marks)
        number = f"{len(marks)}{'+' if len(marks) == MARKED else ''}"
        self.found.setText(f"{number} found" if words else "")

    def _follow_changed(self, follow: bool) -> None:
        self.follow.setText("Follow" if follow else "Locked")
        if follow:
            bar = self.text.verticalScrollBar()
            bar.setValue(bar.maximum())

    def _scrolled(self, _action: int) -> None:
        """The owner scrolls, by the wheel, keys or the bar itself: up locks."""
        bar = self.text.verticalScrollBar()
        if bar.sliderPosition() < bar.maximum():
            self.follow.setChecked(False)

    def _dress(self) -> None:
        font: QFont = self._theme.font(SMALL_PX, mono=True)
        self.text.setFont(font)
        for level, name in _INKS.items():
            ink = QTextCharFormat()
            ink.setForeground(QBrush(QColor(self._theme.ink(name, "panel"))))
            if level is Level.ERROR:
                ink.setFontWeight(QFont.Weight.DemiBold)
            self._formats[level] = ink
        before = self.text.toPlainText()
        if before:
            transient, bar = self._transient, self.text.verticalScrollBar()
            place = bar.value()
            self.show_lines([LogLine(None, text) for text in before.split("\n")])
            self._transient = transient
            if not self.follow.isChecked():
                bar.setValue(place)


def _is_find(event: QEvent) -> bool:
    return isinstance(event, QKeyEvent) and event.matches(QKeySequence.StandardKey.Find)


def _collapsed(lines: Iterable[LogLine]) -> list[LogLine]:
    """A transient line goes when another follows."""
    shown: list[LogLine] = []
    for line in lines:
        if shown and shown[-1].transient:
            shown.pop()
        shown.append(line)
    return shown


def _runs(lines: Sequence[LogLine]) -> list[tuple[Level, str]]:
    """Neighbours of one level, joined: one insertion each."""
    runs: list[tuple[Level, list[str]]] = []
    for line in lines:
        level = level_of(line.text)
        if not runs or runs[-1][0] is not level:
            runs.append((level, []))
        runs[-1][1].append(line.text)
    return [(level, "\n".join(words)) for level, words in runs]
