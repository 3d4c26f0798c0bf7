"""The last fifteen minutes of the machine, with the jobs that ran as bands."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QPen, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from jigdesk.app import Core
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.resources import ResourceSample
from ui.bridge import Bridge
from ui.figures import Figures
from ui.host.measures import SPAN_S, Band, Measure, bands, measures
from ui.theme.theme import Theme

PLOT_HEIGHT = 52
QUEUE_KEPT = 2_000
TICKS_A_SECOND = 10
_COLOURS = {"GPU": "ok", "VRAM": "warning", "CPU": "accent", "RAM": "muted", "Queue": "accent"}


class Plot(QWidget):
    """One measure: its name, its newest value, and its line."""

    def __init__(self, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = name
        self._bands: dict[str, pg.LinearRegionItem] = {}
        title = QLabel(name, self)
        title.setProperty("scale", "small")
        title.setProperty("weight", "bold")
        self._words = QLabel(self)
        self._words.setProperty("scale", "small")
        self._words.setProperty("tone", "muted")
        head = QHBoxLayout()
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self._words)
        self._plot = pg.PlotWidget(self, enableMenu=False)
        self._plot.setFixedHeight(PLOT_HEIGHT)
        self._plot.setFrameShape(QFrame.Shape.NoFrame)
        self._plot.setMouseEnabled(False, False)
        self._plot.hideButtons()
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for axis in ("left", "bottom"):
            self._plot.hideAxis(axis)
        self._plot.setXRange(-SPAN_S, 0.0, padding=0)
        self._line = self._plot.plot(connect="finite")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._plot)
        self.setAccessibleName(name)
        self.dress()

    @property
    def words(self) -> str:
        """The newest value."""
        return self._words.text()

    @property
    def band_count(self) -> int:
        """How many jobs are marked."""
        return len(self._bands)

    def show_measure(self, measure: Measure, marks: Sequence[Band]) -> None:
        """Draw the newest points and bands."""
        self._words.setText(measure.words)
        self.setAccessibleDescription(measure.words)
        self._plot.setYRange(0.0, measure.top, padding=0.08)
        x = [point[0] for point in measure.points]
        y = [math.nan if point[1] is None else point[1] for point in measure.points]
        self._line.setData(x, y)
        wanted = {band.job_id: band for band in marks}
        for job_id in self._bands.keys() - wanted.keys():
            self._plot.removeItem(self._bands.pop(job_id))
        for job_id, band in wanted.items():
            item = self._bands.get(job_id)
            if item is None:
                item = self._band()
                self._bands[job_id] = item
                self._plot.addItem(item)
            item.setRegion((band.begin_s, band.end_s))

    def dress(self) -> None:
        """Take the theme's colours."""
        colour = self._theme.colour(_COLOURS.get(self._name, "accent"))
        pen = QPen(colour, 1.4)
        pen.setCosmetic(True)
        ground = QColor(colour)
        ground.setAlpha(40)
        self._line.setPen(pen)
        self._line.setFillLevel(0.0)
        self._line.setFillBrush(QBrush(ground))
        self._plot.setBackground(self._theme.colour("raised"))
        for item in self._bands.values():
            self._paint_band(item)

    def _band(self) -> pg.LinearRegionItem:
        item = pg.LinearRegionItem(movable=False)
        item.setZValue(-10)
        self._paint_band(item)
        return item

    def _paint_band(self, item: pg.LinearRegionItem) -> None:
        item.setBrush(QBrush(self._theme.colour("accent_background")))
        for line in item.lines:
            line.setPen(QPen(Qt.PenStyle.NoPen))


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
        self._bridge = bridge
        self._theme = theme
        self._clock = clock
        self._queue: deque[tuple[datetime, int]] = deque(maxlen=QUEUE_KEPT)
        self._reading = False
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
        column.addWidget(self._words)
        bridge.ticked.connect(self._tick)
        bridge.figures.connect(self._figures_came)
        theme.changed.connect(self._dress)

    @property
    def words(self) -> str:
        """The sentence below the plots."""
        return self._words.text()

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
        if self._reading:
            return
        self._reading = True

        async def history(core: Core) -> Sequence[ResourceSample]:
            return core.resources.history(SPAN_S)

        self._bridge.call(history, self._show)

    def _show(self, samples: Sequence[ResourceSample]) -> None:
        self._reading = False
        now = self._clock()
        marks = bands(samples, now)
        found = measures(samples, self._queue, now)
        for measure in found:
            if measure.name not in self.plots:
                self._arrange([item.name for item in found])
            self.plots[measure.name].show_measure(measure, marks)
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
