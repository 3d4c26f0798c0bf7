"""What is shown before there is a desk: that it starts, or why it cannot."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ui.theme.theme import Theme

CARD_PX = 520


class StartPage(QWidget):
    """A window of its own. Emits `again`, `back` (to the settings that worked) and `left`.

    Closing it is leaving: without it nothing of the program could be seen.
    """

    again = Signal()
    back = Signal()
    left = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("startPage")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWindowTitle("JigDesk")
        self.setWindowIcon(theme.icons.icon("jigdesk", "accent", 32))
        self.resize(720, 420)
        card = QFrame(self)
        card.setObjectName("card")
        card.setFixedWidth(CARD_PX)
        self._title = QLabel(card)
        self._title.setProperty("scale", "large")
        self._words = QLabel(card)
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._busy = QProgressBar(card)
        self._busy.setRange(0, 0)
        self._busy.setTextVisible(False)
        self._retry = QPushButton("Try again", card)
        self._retry.setProperty("role", "primary")
        self._retry.clicked.connect(self.again)
        self._back = QPushButton("Use the settings of before", card)
        self._back.setToolTip("config.toml stays as it is, and can be put right in the window")
        self._back.clicked.connect(self.back)
        self._back.hide()
        self._quit = QPushButton("Quit", card)
        self._quit.clicked.connect(self.left)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self._quit)
        buttons.addWidget(self._back)
        buttons.addWidget(self._retry)
        inner = QVBoxLayout(card)
        inner.setContentsMargins(24, 24, 24, 24)
        inner.setSpacing(12)
        inner.addWidget(self._title)
        inner.addWidget(self._words)
        inner.addWidget(self._busy)
        inner.addLayout(buttons)
        outer = QVBoxLayout(self)
        outer.addStretch(1)
        middle = QHBoxLayout()  # not an alignment, which knows nothing of lines that break
        middle.addStretch(1)
        middle.addWidget(card)
        middle.addStretch(1)
        outer.addLayout(middle)
        outer.addStretch(1)
        self.show_starting()

    @property
    def words(self) -> str:
        """What the page says."""
        return self._words.text()

    def show_starting(self, words: str = "Opening the journal and starting the engine.") -> None:
        """The desk starts."""
        self._say("Starting the desk", words, busy=True)

    def show_stopping(self, words: str) -> None:
        """The desk stops."""
        self._say("Stopping the desk", words, busy=True)

    def show_failure(
        self, message: str, *, can_retry: bool = True, can_go_back: bool = False
    ) -> None:
        """The desk cannot start: the message says why and what to do."""
        self._say("The desk cannot start", message, busy=False)
        self._retry.setVisible(can_retry)
        self._back.setVisible(can_go_back)
        self._retry.setFocus()

    def to_front(self) -> None:
        """Show it above the other windows."""
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Leave."""
        super().closeEvent(event)
        self.left.emit()

    def _say(self, title: str, words: str, *, busy: bool) -> None:
        self._title.setText(title)
        self._words.setText(words)
        self._busy.setVisible(busy)
        self._retry.setVisible(not busy)
        self._quit.setVisible(not busy)
        self._back.hide()
