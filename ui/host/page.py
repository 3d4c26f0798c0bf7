"""The host page: the engine, and its log beside it or below."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

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
BAR_PX = 10
"""The cards' own scroll bar, in the gap between them and the log."""
LOG_HEIGHT = 240
WIDEST = 16_777_215


class HostPage(QWidget):
    """The machine that this desk runs on."""

    def __init__(
        self, bridge: Bridge, theme: Theme, feed: LogFeed, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("page")
        self._feed = feed
        self.card = EngineCard(bridge, theme, self)
        self.plots = Plots(bridge, theme, self)
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
        self._log = QWidget(self)
        log = QVBoxLayout(self._log)
        log.setContentsMargins(0, 0, 0, 0)
        log.setSpacing(10)
        log.addLayout(head)
        log.addWidget(self.console, 1)
        self._lay_out()
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.console.focus_search)
        self.console.show_lines(list(feed.lines))
        feed.arrived.connect(self._came)
        bridge.figures.connect(self._figures_came)

    def _lay_out(self) -> None:
        self._cards = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self._cards.setSpacing(12)
        for part in (self.card, self.plots):
            self._cards.addWidget(part, 0, Qt.AlignmentFlag.AlignTop)
        body = QWidget(self)
        body.setObjectName("bare")
        self._column = QVBoxLayout(body)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(16)
        self._column.addLayout(self._cards)
        self._column.addStretch(1)
        self._scroll = QScrollArea(self)
        self._scroll.setObjectName("bare")
        self._scroll.setAccessibleName("The engine and the machine")
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(body)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(16, 14, 16, 16)
        self._row.setSpacing(16 - BAR_PX)
        self._row.addWidget(self._scroll)
        self._beside: bool | None = None

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Put the log where there is room for its lines: beside the cards, or below them."""
        super().resizeEvent(event)
        beside = self.width() >= SIDE_BY_SIDE
        if beside == self._beside:
            return
        self._beside = beside
        way = QBoxLayout.Direction
        self._cards.setDirection(way.TopToBottom if beside else way.LeftToRight)
        for place, part in enumerate((self.card, self.plots)):
            # beside the log its width is its own: it does not move with the length of an age
            part.setMinimumWidth(CARD_WIDTH if beside else LEAST_WIDTH)
            part.setMaximumWidth(CARD_WIDTH if beside else WIDEST)
            self._cards.setStretch(place, 0 if beside else 1)
        self._scroll.setMinimumWidth(CARD_WIDTH + BAR_PX if beside else 0)
        self._scroll.setMaximumWidth(CARD_WIDTH + BAR_PX if beside else WIDEST)
        self._log.setMinimumHeight(0 if beside else LOG_HEIGHT)
        if beside:
            self._row.addWidget(self._log, 1)
        else:
            self._column.insertWidget(1, self._log, 1)
        self._column.setStretch(self._column.count() - 1, 1 if beside else 0)

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
