"""The dialog for what keeps the window from starting: wrong settings, or a home that fails."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.errors import SetupError
from jigdesk.settings import Problem, SettingsError
from ui.frame.fitting import fit_height
from ui.frame.placing import size_on
from ui.theme.theme import LARGE_PX, SMALL_PX, Theme

WIDTH = 600
MOST_HEIGHT, LEAST_HEIGHT = 420, 96
_ENVIRONMENT = "JIGDESK_"


def where(problem: Problem, config_file: Path) -> str:
    """Where the value stands, and so where it is changed."""
    if not problem.source:
        return f"not set: put it into {config_file.name}"
    if problem.source == str(config_file):
        return f"in {config_file.name}"
    if problem.source.startswith(_ENVIRONMENT):
        return f"in the environment variable {problem.source}"
    return f"in {problem.source}"


class TroubleDialog(QDialog):
    """Says everything that is wrong at once. Accepted: try again; rejected: quit."""

    def __init__(
        self,
        failure: SetupError,
        config_file: Path,
        theme: Theme,
        parent: QWidget | None = None,
        room: QSize | None = None,
    ) -> None:
        """Fill it; `room` is the largest that it may be, None what its screen has."""
        super().__init__(parent)
        self._failure = failure
        self._config_file = config_file
        self.setWindowTitle("JigDesk cannot start")
        self.setWindowIcon(theme.icons.icon("jigdesk", "accent", 32))
        problems = failure.problems if isinstance(failure, SettingsError) else ()
        title = self._label(_title(problems))
        title.setFont(theme.font(LARGE_PX, bold=True))
        about = self._label(_about(problems, config_file))
        about.setProperty("tone", "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(title)
        column.addWidget(about)
        said = self._problems(problems, theme) if problems else self._plain()
        column.addWidget(said)
        column.addLayout(self._buttons(problems))
        self.again.setFocus()
        fit_height(self, WIDTH)
        room = room or size_on(self.size(), self.screen().availableGeometry())
        if problems and self.height() > room.height():  # the problems scroll in what is left
            less = said.height() - (self.height() - room.height())
            said.setFixedHeight(max(LEAST_HEIGHT, less))
            fit_height(self, WIDTH)

    @property
    def words(self) -> str:
        """What the terminal says too."""
        return self._failure.message

    def copy(self) -> None:
        """Put all of it on the clipboard."""
        QGuiApplication.clipboard().setText(self.words)

    def _problems(self, problems: Sequence[Problem], theme: Theme) -> QScrollArea:
        body = QWidget(self)
        body.setObjectName("bare")
        lines = QVBoxLayout(body)
        lines.setContentsMargins(0, 0, 8, 0)
        lines.setSpacing(8)
        for problem in problems:
            lines.addWidget(self._card(problem, theme))
        scroll = QScrollArea(self)
        scroll.setObjectName("bare")
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(body)
        for part in body.findChildren(QWidget):
            part.ensurePolished()
        needed = lines.totalHeightForWidth(WIDTH - 40)
        scroll.setFixedHeight(min(MOST_HEIGHT, needed))
        if needed <= MOST_HEIGHT:  # no room for a scroll bar is needed
            lines.setContentsMargins(0, 0, 0, 0)
        return scroll

    def _card(self, problem: Problem, theme: Theme) -> QFrame:
        card = QFrame(self)
        card.setObjectName("card")
        key = self._label(problem.key)
        key.setFont(theme.font(mono=True, bold=True))
        place = self._label(where(problem, self._config_file))
        place.setProperty("tone", "muted")
        place.setFont(theme.font(SMALL_PX))
        words = self._label(problem.message[:1].upper() + problem.message[1:])
        inner = QVBoxLayout(card)
        inner.setContentsMargins(14, 10, 14, 12)
        inner.setSpacing(4)
        for part in (key, words, place):
            inner.addWidget(part)
        return card

    def _plain(self) -> QLabel:
        return self._label(self._failure.message)

    def _buttons(self, problems: Sequence[Problem]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.open_file = QPushButton(f"Open {self._config_file.name}", self)
        self.open_file.setAutoDefault(False)
        self.open_file.setToolTip(str(self._config_file))
        self.open_file.setVisible(bool(problems) and self._config_file.is_file())
        self.open_file.clicked.connect(self._open)
        copy = QPushButton("Copy", self)
        copy.setAutoDefault(False)
        copy.clicked.connect(self.copy)
        leave = QPushButton("Quit", self)
        leave.setAutoDefault(False)
        leave.clicked.connect(self.reject)
        self.again = QPushButton("Try again", self)
        self.again.setProperty("role", "primary")
        self.again.setDefault(True)
        self.again.clicked.connect(self.accept)
        row.addWidget(self.open_file)
        row.addWidget(copy)
        row.addStretch(1)
        row.addWidget(leave)
        row.addWidget(self.again)
        return row

    def _open(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._config_file)))

    def _label(self, words: str) -> QLabel:
        label = QLabel(words, self)
        label.setWordWrap(True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label


def _title(problems: Sequence[Problem]) -> str:
    match len(problems):
        case 0:
            return "The desk cannot start"
        case 1:
            return "A setting needs a change"
        case number:
            return f"{number} settings need a change"


def _about(problems: Sequence[Problem], config_file: Path) -> str:
    if not problems:
        return "Nothing was started. Mend what is said here, then try again."
    return f"Nothing was started. Change them, then try again. The settings are in {config_file}"
