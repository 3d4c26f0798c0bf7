"""One measure of the machine as a line over the last fifteen minutes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pyqtgraph as pg  # type: ignore[import-untyped]
from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from ui.host.measures import SPAN_S, Band, Measure, told_at
from ui.theme.theme import SMALL_PX, Theme

PLOT_HEIGHT = 52
MARKS_MIN = (15, 10, 5, 0)
AXIS_HEIGHT = 16
_COLOURS = {"GPU": "ok", "VRAM": "warning", "CPU": "accent", "RAM": "muted", "Queue": "accent"}


class Plot(QWidget):
    """One measure: its name, its newest value, and its line."""

    def __init__(self, name: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._name = name
        self._bands: dict[str, pg.LinearRegionItem] = {}
        self._measure: Measure | None = None
        self._marks: Sequence[Band] = ()
        self._looked_at: float | None = None  # seconds ago, negative, under the pointer
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
        self._pointer = pg.InfiniteLine(angle=90, movable=False)
        self._pointer.hide()
        self._plot.addItem(self._pointer, ignoreBounds=True)
        self._plot.viewport().installEventFilter(self)
        self._top = QLabel(self._plot)
        self._top.setProperty("scale", "small")
        self._top.setProperty("tone", "faint")
        self._top.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._top.move(4, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self._plot)
        self.setAccessibleName(name)
        self.dress()

    @property
    def words(self) -> str:
        """The newest value, or what is told of the moment under the pointer."""
        return self._words.text()

    @property
    def top_words(self) -> str:
        """What the upper edge stands for."""
        return self._top.text()

    @property
    def band_count(self) -> int:
        """How many jobs are marked."""
        return len(self._bands)

    def show_measure(self, measure: Measure, marks: Sequence[Band]) -> None:
        """Draw the newest points and bands."""
        self._measure, self._marks = measure, tuple(marks)
        self._tell()
        self._top.setText(measure.say(measure.top))
        self._top.adjustSize()
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

    def look_at(self, ago_s: float | None) -> None:
        """Tell the value at a moment, in seconds ago as a negative number; None for the newest."""
        self._looked_at = ago_s
        self._pointer.setVisible(ago_s is not None)
        if ago_s is not None:
            self._pointer.setPos(ago_s)
        self._tell()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow the pointer."""
        if event.type() is QEvent.Type.MouseMove and isinstance(event, QMouseEvent):
            place = self._plot.mapToScene(event.position().toPoint())
            x = float(self._plot.getViewBox().mapSceneToView(QPointF(place)).x())
            self.look_at(min(0.0, max(-SPAN_S, x)))
        elif event.type() is QEvent.Type.Leave:
            self.look_at(None)
        return bool(super().eventFilter(watched, event))

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
        self._pointer.setPen(QPen(self._theme.colour("faint"), 0))
        self._plot.setBackground(self._theme.colour("raised"))
        for item in self._bands.values():
            self._paint_band(item)

    def _tell(self) -> None:
        measure = self._measure
        if measure is None:
            return
        if self._looked_at is None:
            self._words.setText(measure.words)
        else:
            self._words.setText(told_at(measure, self._marks, self._looked_at))

    def _band(self) -> pg.LinearRegionItem:
        item = pg.LinearRegionItem(movable=False)
        item.setZValue(-10)
        self._paint_band(item)
        return item

    def _paint_band(self, item: pg.LinearRegionItem) -> None:
        item.setBrush(QBrush(self._theme.colour("accent_background")))
        for line in item.lines:
            line.setPen(QPen(Qt.PenStyle.NoPen))


class TimeAxis(QWidget):
    """The minutes below the plots: from fifteen ago until now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.setFixedHeight(AXIS_HEIGHT)
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint a tick and its words every five minutes."""
        painter = QPainter(self)
        painter.setFont(self._theme.font(SMALL_PX))
        metrics = painter.fontMetrics()
        for minutes in MARKS_MIN:
            x = self.width() * (1 - 60 * minutes / SPAN_S)
            words = f"\N{MINUS SIGN}{minutes} min" if minutes else "now"
            wide = metrics.horizontalAdvance(words)
            left = min(self.width() - wide, max(0.0, x - wide / 2))
            painter.setPen(self._theme.colour("line"))
            painter.drawLine(
                QPointF(min(x, self.width() - 1), 0), QPointF(min(x, self.width() - 1), 3)
            )
            painter.setPen(self._theme.ink("faint", "panel"))
            painter.drawText(QPointF(left, AXIS_HEIGHT - 2), words)
        painter.end()
