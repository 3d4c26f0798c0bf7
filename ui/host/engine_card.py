"""The engine's card: how it is, why it stopped, and its levers."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError
from ui.asking import OneQuestion
from ui.bridge import Bridge
from ui.figures import Figures
from ui.frame.lamp import Lamp
from ui.frame.question import Question
from ui.host.engine_words import EngineWords, engine_words, question
from ui.host.port_offer import PortOffer
from ui.theme.theme import Theme
from ui.words import breakable

NAME_WIDTH = 72
LINE_HEIGHT = 18
TICKS_A_SECOND = 10


class EngineCard(QFrame):
    """Shows the engine as the figures tell it; asks before it ends a running job's engine."""

    def __init__(
        self,
        bridge: Bridge,
        theme: Theme,
        parent: QWidget | None = None,
        *,
        clock: Clock = utc_now,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self._bridge = bridge
        self._clock = clock
        self._figures: Figures | None = None
        self._shown: EngineWords | None = None
        self._busy = False
        self._asking = OneQuestion()
        self._title = QLabel("Engine", self)
        self._title.setProperty("scale", "large")
        self._lamp = Lamp(theme, self)
        self._state = QLabel("Reading its state", self)
        self._state.setProperty("weight", "bold")
        self._facts = QGridLayout()
        self._facts.setHorizontalSpacing(12)
        self._facts.setVerticalSpacing(4)
        self._facts.setColumnMinimumWidth(0, NAME_WIDTH)
        self._facts.setColumnStretch(1, 1)
        self._values: dict[str, tuple[QLabel, QLabel]] = {}
        self._why = QLabel(self)
        self._why.setWordWrap(True)
        self._why.setTextFormat(Qt.TextFormat.PlainText)
        self._why.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._why.setProperty("tone", "muted")
        self.buttons = {
            action: QPushButton(words, self)
            for action, words in (
                ("start", "Start"),
                ("stop", "Stop"),
                ("restart", "Restart"),
                ("free", "Free memory"),
            )
        }
        self.buttons["free"].setToolTip("Unloads the models as soon as no job runs.")
        self.buttons["start"].setProperty("role", "primary")
        for action, button in self.buttons.items():
            button.clicked.connect(lambda _=False, action=action: self.ask(action))
        self.offer = PortOffer(self)
        self.offer.chosen.connect(self.act)
        self.offer.port_asked.connect(self._find_port)
        self._lay_out()
        bridge.figures.connect(self._show_figures)
        bridge.ticked.connect(self._tick)

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self._lamp)
        head.addWidget(self._state)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in self.buttons.values():
            row.addWidget(button)
            button.hide()
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addLayout(head)
        column.addLayout(self._facts)
        column.addWidget(self._why)
        column.addWidget(self.offer)
        column.addLayout(row)
        self._why.hide()
        self.offer.hide()

    @property
    def shown(self) -> EngineWords | None:
        """What the card says; None before the first figures."""
        return self._shown

    @property
    def question(self) -> Question | None:
        """What is being asked now."""
        return self._asking.open

    def ask(self, action: str) -> None:
        """Do it, after a question when jobs run on the engine."""
        running = 0 if self._figures is None else self._figures.running
        asked = question(action, running) if action in ("stop", "restart") else None
        if asked is None:
            self.act(action)
            return
        verb = f"{action.capitalize()} the engine"
        box = Question(*asked, verb, "Keep it running", self)
        self._asking.ask(box, lambda: self.act(action))

    def act(self, action: str, number: int | None = None) -> None:
        """Do what `EngineHost.act` knows under that name."""
        self._busy = True
        self._enable()
        self._bridge.call(
            lambda core: core.control.engine(action, number), self._acted, self._failed
        )
        self._bridge.look_soon()

    def _find_port(self) -> None:
        self._bridge.call(lambda core: core.engine.other_port(), self.offer.propose)

    def _acted(self, _: object) -> None:
        self._busy = False
        self._enable()
        self._bridge.look_soon()

    def _failed(self, failure: JigDeskError) -> None:
        self._acted(None)
        self._bridge.failed.emit(failure.message)

    def _show_figures(self, figures: Figures) -> None:
        self._figures = figures
        self._show(self._clock())

    def _tick(self, beat: int) -> None:
        if beat % TICKS_A_SECOND == 0 and self.isVisible():
            self._show(self._clock())

    def _show(self, now: datetime) -> None:
        if self._figures is None:
            return
        words = engine_words(self._figures.engine, now)
        if words == self._shown:
            return
        self._shown = words
        self._title.setText(words.title)
        self._state.setText(words.state)
        self._lamp.show_level(words.level)
        told = dict(words.facts)
        for name, value in told.items():
            self._value(name).setText(value)
        for name, labels in self._values.items():
            for label in labels:
                label.setVisible(name in told)
        self._why.setText(breakable(words.why))
        self._why.setVisible(bool(words.why))
        self.offer.show_holder(words.holder)
        self.buttons["start"].setText(words.start)
        self._enable()

    def _enable(self) -> None:
        words = self._shown
        self.offer.show_busy(self._busy)
        for action, button in self.buttons.items():
            button.setVisible(words is not None and action in words.can)
            button.setEnabled(not self._busy)

    def _value(self, name: str) -> QLabel:
        if name not in self._values:
            row = len(self._values)
            title = QLabel(name, self)
            title.setProperty("tone", "muted")
            value = QLabel(self)
            value.setTextFormat(Qt.TextFormat.PlainText)
            value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for label in (title, value):
                label.setFixedHeight(LINE_HEIGHT)
            self._facts.addWidget(title, row, 0)
            self._facts.addWidget(value, row, 1)
            self._values[name] = title, value
        return self._values[name][1]
