"""The host page: the engine, and its log beside it or below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.bridge import Bridge
from ui.figures import Figures
from ui.host.console import Console
from ui.host.engine_card import EngineCard
from ui.host.log_feed import LogFeed, LogLine
from ui.host.plots import Plots
from ui.theme.theme import Theme

CARD_WIDTH = 380
LEAST_WIDTH = 280
SIDE_BY_SIDE = 900


class HostPage(QWidget):
    """The machine that this desk runs on."""

    def __init__(
        self, bridge: Bridge, theme: Theme, feed: LogFeed, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._feed = feed
        self.card = EngineCard(bridge, theme, self)
        self.card.setMaximumWidth(CARD_WIDTH)
        self.plots = Plots(bridge, theme, self)
        self.plots.setMaximumWidth(CARD_WIDTH)
        self.console = Console(theme, self)
        self.console.say_when_empty("The engine has printed nothing yet.")
        self._skipped = QLabel(self)
        self._skipped.setProperty("tone", "muted")
        self._skipped.setProperty("scale", "small")
        self._skipped.hide()
        title = QLabel("Engine log", self)
        title.setProperty("weight", "bold")
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(title)
        head.addWidget(self._skipped)
        head.addStretch(1)
        self._side = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._side.setSpacing(12)
        self._side.addWidget(self.card, 0, Qt.AlignmentFlag.AlignTop)
        self._side.addWidget(self.plots, 0, Qt.AlignmentFlag.AlignTop)
        self._side.addStretch(1)
        log = QVBoxLayout()
        log.setSpacing(10)
        log.addLayout(head)
        log.addWidget(self.console, 1)
        self._row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._row.setContentsMargins(16, 14, 16, 16)
        self._row.setSpacing(16)
        self._row.addLayout(self._side)
        self._row.addLayout(log, 1)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.console.focus_search)
        self.console.show_lines(list(feed.lines))
        feed.arrived.connect(self._came)
        bridge.figures.connect(self._figures_came)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Put the log where there is room for its lines."""
        super().resizeEvent(event)
        beside = self.width() >= SIDE_BY_SIDE
        way = QBoxLayout.Direction
        self._row.setDirection(way.LeftToRight if beside else way.TopToBottom)
        # its width is its own: it does not move with the length of an age
        for part in (self.card, self.plots):
            part.setMinimumWidth(CARD_WIDTH if beside else LEAST_WIDTH)
        self._side.setDirection(way.TopToBottom if beside else way.LeftToRight)

    def _came(self, lines: list[LogLine]) -> None:
        self.console.add(lines)
        if self._feed.skipped:
            self._skipped.setText(
                f"{self._feed.skipped:,} lines came too fast to be shown: they are in engine.log"
            )
            self._skipped.show()

    def _figures_came(self, figures: Figures) -> None:
        if "status" not in figures.engine:
            self.console.say_when_empty(
                "This engine is run by somebody else: its log is where it runs."
            )
