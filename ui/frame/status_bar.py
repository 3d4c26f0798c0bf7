"""The status bar: the queue in figures."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QToolButton, QWidget

from jigdesk import __version__
from ui.figures import Figures
from ui.frame.lamp import Lamp
from ui.theme.theme import Theme, ThemeChoice
from ui.words import counted, duration

HEIGHT = 30
ROOM_FOR_ALL_PX = 960
_THEMES = {
    ThemeChoice.SYSTEM: "System",
    ThemeChoice.DARK: "Dark",
    ThemeChoice.LIGHT: "Light",
}


class StatusBar(QFrame):
    """Emits `asked_messages` when the owner wants the history of messages."""

    asked_messages = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setFixedHeight(HEIGHT)
        self._theme = theme
        self._lamp = Lamp(theme, self)
        self._accepting = QLabel("Starting", self)
        self._accepting.setObjectName("accepting")
        self._jobs = QLabel(self)
        self._slot = QLabel(self)
        self._outbox = QLabel(self)
        self._outbox.setToolTip("Writes that wait for the store")
        self._messages = QToolButton(self)
        self._messages.setToolTip("What went wrong lately")
        self._messages.clicked.connect(self.asked_messages)
        self._messages.hide()
        self._theme_button = QToolButton(self)
        self._theme_button.setToolTip("Choose the theme")
        self._theme_button.clicked.connect(self._offer_themes)
        self._version = QLabel(f"JigDesk {__version__}", self)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 16, 0)
        row.setSpacing(8)
        row.addWidget(self._lamp)
        row.addWidget(self._accepting)
        row.addSpacing(8)
        row.addWidget(self._jobs)
        row.addSpacing(8)
        row.addWidget(self._slot)
        row.addStretch(1)
        row.addWidget(self._messages)
        row.addWidget(self._outbox)
        row.addWidget(self._theme_button)
        row.addSpacing(8)
        row.addWidget(self._version)
        theme.changed.connect(self._show_theme)
        self._show_theme()

    @property
    def buttons(self) -> list[QToolButton]:
        """Everything that can have the focus, from the left."""
        return [self._messages, self._theme_button]

    @property
    def messages_button(self) -> QToolButton:
        """Where the history opens."""
        return self._messages

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Leave out what may be missed where room is scarce."""
        super().resizeEvent(event)
        self._slot.setVisible(self.width() >= ROOM_FOR_ALL_PX)
        self._version.setVisible(self.width() >= ROOM_FOR_ALL_PX)

    def themes_menu(self) -> QMenu:
        """A menu of the themes; the chosen one is ticked."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for choice in ThemeChoice:
            action = QAction(_THEMES[choice], menu)
            action.setCheckable(True)
            action.setChecked(choice is self._theme.choice)
            action.triggered.connect(lambda _=False, c=choice: self._theme.choose(c))
            group.addAction(action)
            menu.addAction(action)
        return menu

    def _offer_themes(self) -> None:
        menu = self.themes_menu()
        button = self._theme_button
        above = QPoint(button.width() - menu.sizeHint().width(), -menu.sizeHint().height() - 4)
        menu.popup(button.mapToGlobal(above))

    def _show_theme(self) -> None:
        self._theme_button.setText(f"{_THEMES[self._theme.choice]} theme")

    def show_figures(self, figures: Figures) -> None:
        """The newest figures."""
        words, level = _accepting(figures)
        self._accepting.setText(words)
        self._accepting.setToolTip(" ".join(figures.refusals) or (figures.paused or ""))
        self._lamp.show_level(level)
        self._jobs.setText(
            f"{figures.running:,} running · {figures.waiting:,} waiting · {figures.kept:,} kept"
        )
        slot = figures.next_slot_s
        self._slot.setText(
            f"next free slot in about {duration(max(1.0, slot))}"
            if slot is not None and figures.waiting
            else ""
        )
        self._outbox.setText(f"outbox {figures.outbox:,}")

    def show_messages(self, number: int) -> None:
        """How many messages the history has."""
        self._messages.setVisible(number > 0)
        self._messages.setText(counted(number, "message"))

    def show_words(self, words: str, level: str) -> None:
        """Say something else than figures: starting, stopping, finishing."""
        self._accepting.setText(words)
        self._lamp.show_level(level)


def _accepting(figures: Figures) -> tuple[str, str]:
    if figures.paused is not None:
        return "Paused: jobs are accepted and wait", "warning"
    if figures.draining is not None:
        return "Draining: no new jobs", "warning"
    if figures.refusals:
        return "Not accepting jobs", "warning"
    return "Accepting jobs", "ok"
