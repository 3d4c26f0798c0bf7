"""The dialog for bugs: says so, and has a report that can be copied."""

from __future__ import annotations

import platform
import sys
import traceback
from collections.abc import Callable

import PySide6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk import __version__
from ui.theme.theme import Theme

GOES_ON = "Your jobs are safe: they are in the journal and go on."
ENDED = (
    "The desk has stopped, and nothing runs any more. Your jobs are safe: they are in the journal "
    "and go on at the next start."
)
SEND = "Copy the report and send it to the project; it names no secret."


def report(bug: BaseException, redact: Callable[[str], str]) -> str:
    """What happened and where, with secrets blacked out: fit to be sent to the project."""
    lines = [
        f"JigDesk {__version__}, Python {platform.python_version()}, Qt {PySide6.__version__}",
        f"{platform.platform()}",
        "",
        *traceback.format_exception(bug),
    ]
    return redact("\n".join(line.rstrip("\n") for line in lines))


class BugDialog(QDialog):
    """Shows one bug; use `open()`."""

    def __init__(
        self, text: str, theme: Theme, parent: QWidget | None = None, *, ends: bool = False
    ) -> None:
        """`ends` when the bug was the end of the desk, which closes with the dialog."""
        super().__init__(parent)
        self.setWindowTitle("A bug in JigDesk")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(640, 420)
        title = QLabel("Something went wrong in JigDesk itself", self)
        title.setProperty("scale", "large")
        words = QLabel(f"{ENDED if ends else GOES_ON} {SEND}", self)
        words.setWordWrap(True)
        words.setProperty("tone", "muted")
        self._text = QPlainTextEdit(text, self)
        self._text.setReadOnly(True)
        self._text.setFont(theme.font(11, mono=True))
        copy = QPushButton("Copy report", self)
        copy.setProperty("role", "primary")
        copy.clicked.connect(self.copy_report)
        close = QPushButton("Quit" if ends else "Close", self)
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(close)
        buttons.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 20)
        layout.setSpacing(12)
        layout.addWidget(title)
        layout.addWidget(words)
        layout.addWidget(self._text, 1)
        layout.addLayout(buttons)

    def copy_report(self) -> None:
        """Put the report on the clipboard."""
        QGuiApplication.clipboard().setText(self._text.toPlainText())


class BugBox:
    """Shows bugs one at a time, and writes each to standard error as Python does."""

    def __init__(self, theme: Theme, redact: Callable[[str], str]) -> None:
        self._theme = theme
        self._redact = redact
        self._open: BugDialog | None = None
        self.parent: QWidget | None = None

    @property
    def dialog(self) -> BugDialog | None:
        """What is open now."""
        return self._open

    def show(self, bug: BaseException) -> None:
        """Open the dialog, unless one is open: a bug seldom comes alone."""
        text = self._write(bug)
        if self._open is None:
            self._show(text)

    def show_end(self, bug: BaseException) -> BugDialog:
        """Say that this one was the end of the desk, whatever was said before."""
        text = self._write(bug)
        if self._open is not None:
            self._open.close()
        return self._show(text, ends=True)

    def _write(self, bug: BaseException) -> str:
        text = report(bug, self._redact)
        sys.stderr.write(f"{text}\n")
        return text

    def _show(self, text: str, *, ends: bool = False) -> BugDialog:
        dialog = self._open = BugDialog(text, self._theme, self.parent, ends=ends)
        dialog.finished.connect(self._closed)
        dialog.open()
        return dialog

    def _closed(self) -> None:
        self._open = None
