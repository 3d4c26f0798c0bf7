"""The last fifteen minutes of the machine, with the jobs that ran as bands."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from jigdesk.app import Core
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.resources import ResourceSample
from ui.bridge import Bridge
from ui.figures import Figures
from ui.host.measures import SPAN_S, bands, measures
from ui.host.plot import Plot, TimeAxis
from ui.reader import Reader
from ui.theme.theme import Theme

QUEUE_KEPT = 2_000
TICKS_A_SECOND = 10


class Plots(QFrame):
    """All plots; reads the samples once a second while it can be seen."""

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
        self._theme = theme
        self._clock = clock
        self._queue: deque[tuple[datetime, int]] = deque(maxlen=QUEUE_KEPT)
        self._reader: Reader[None, Sequence[ResourceSample]] = Reader(
            bridge, lambda _, samples: self._show(samples)
        )
        self._newest: datetime | None = None
        self.plots: dict[str, Plot] = {}
        self._column = QVBoxLayout()
        self._column.setSpacing(10)
        title = QLabel("The last 15 minutes", self)
        title.setProperty("weight", "bold")
        self._words = QLabel("Measuring the machine", self)
        self._words.setProperty("tone", "muted")
        self._words.setProperty("scale", "small")
        self._words.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(10)
        column.addWidget(title)
        column.addLayout(self._column)
        self._axis = TimeAxis(theme, self)
        self._axis.hide()
        column.addWidget(self._axis)
        column.addWidget(self._words)
        bridge.ticked.connect(self._tick)
        bridge.figures.connect(self._figures_came)
        theme.changed.connect(self._dress)

    @property
    def words(self) -> str:
        """The sentence below the plots."""
        return self._words.text()

    @property
    def newest(self) -> datetime | None:
        """When the newest sample that is shown was taken; None before one."""
        return self._newest

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Read at once."""
        super().showEvent(event)
        self._read()

    def _tick(self, beat: int) -> None:
        if beat % TICKS_A_SECOND == 0 and self.isVisible():
            self._read()

    def _figures_came(self, figures: Figures) -> None:
        self._queue.append((self._clock(), figures.active))

    def _read(self) -> None:
        async def history(core: Core) -> Sequence[ResourceSample]:
            return core.resources.history(SPAN_S)

        self._reader.read(None, history)

    def _show(self, samples: Sequence[ResourceSample]) -> None:
        now = self._clock()
        self._newest = samples[-1].at if samples else None
        marks = bands(samples, now)
        found = measures(samples, self._queue, now)
        for measure in found:
            if measure.name not in self.plots:
                self._arrange([item.name for item in found])
            self.plots[measure.name].show_measure(measure, marks)
        measured = {measure.name for measure in found}
        for name, plot in self.plots.items():
            plot.setVisible(name in measured)  # a GPU may go, or be there again
        self._axis.setVisible(bool(found))
        self._words.setText(_legend(samples))

    def _arrange(self, names: Sequence[str]) -> None:
        for place, name in enumerate(names):
            if name not in self.plots:
                self.plots[name] = Plot(name, self._theme, self)
                self._column.insertWidget(place, self.plots[name])

    def _dress(self) -> None:
        for plot in self.plots.values():
            plot.dress()


def _legend(samples: Sequence[ResourceSample]) -> str:
    if not samples:
        return "Measuring the machine"
    bands_are = "Blue bands are the jobs that ran."
    if not samples[-1].gpus:
        return f"{bands_are} No GPU is known: its driver tells nothing here."
    return f"{bands_are} {samples[-1].gpus[0].name}"
