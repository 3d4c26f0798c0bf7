"""Where a job's time went: the spans, and the bar that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from jigdesk.domain.changes import Attempt, StageRun
from jigdesk.domain.job import Job
from ui.graph.states import took
from ui.theme.theme import SMALL_PX, Theme

BAR_HEIGHT = 10
LINE_HEIGHT = 18
LEAST_SHARE = 0.015
_RUN_COLOURS = ("ok", "accent")
_SHORTEST_S = 0.01


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a job's time; `parts` are the nodes inside with their seconds."""

    name: str
    seconds: float
    colour: str
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def words(self) -> str:
        """`sampling 38 s`."""
        return f"{self.name} {took(self.seconds)}"

    @property
    def sentence(self) -> str:
        """The span and its nodes, a line each."""
        return "\n".join([self.words, *(f"    {title} {took(s)}" for title, s in self.parts)])


def spans(
    job: Job,
    attempts: Sequence[Attempt],
    runs: Sequence[StageRun],
    graph: Mapping[str, Any] | None,
    now: datetime,
) -> tuple[Span, ...]:
    """The spans of the newest attempt, in the order in which they happened."""
    begun = attempts[-1].started_at if attempts else job.created_at
    ended = job.finished_at if job.status.is_final and job.finished_at is not None else now
    mine = [run for run in runs if run.attempt == job.attempt]
    first = min((run.started_at for run in mine), default=ended)
    found = [Span("queued", max(0.0, (first - begun).total_seconds()), "faint")]
    titles = _titles(graph)
    for number, run in enumerate(mine):
        parts = _parts(run, titles)
        found.append(Span("load", run.load_s, "warning"))
        run_s = run.run_s
        if run.ended_at is None:  # it runs, or was left when the job ended
            run_s = max(0.0, (ended - run.started_at).total_seconds())
        elif not run_s:  # a failed run has no sums
            run_s = (run.ended_at - run.started_at).total_seconds()
        found.append(Span(run.stage, run_s, _RUN_COLOURS[number % len(_RUN_COLOURS)], parts))
    upload_s = sum(run.upload_s for run in mine)
    spent_s = upload_s + sum(span.seconds for span in found)
    confirm_s = (ended - begun).total_seconds() - spent_s
    if not mine or not job.status.is_final or confirm_s < _SHORTEST_S:
        confirm_s = 0.0
    found.append(Span("upload", upload_s, "muted"))
    found.append(Span("confirm", confirm_s, "faint"))
    return tuple(span for span in _merged(found) if span.seconds >= _SHORTEST_S)


def _merged(found: Sequence[Span]) -> tuple[Span, ...]:
    """One span for all the loading, however many stages load."""
    loads = [span for span in found if span.name == "load"]
    if len(loads) <= 1:
        return tuple(found)
    whole = Span("load", sum(span.seconds for span in loads), "warning")
    others = [span for span in found if span.name != "load"]
    return (others[0], whole, *others[1:])


def _titles(graph: Mapping[str, Any] | None) -> Mapping[tuple[str, str], str]:
    return {
        (stage["name"], node["id"]): node["title"]
        for stage in (() if graph is None else graph["stages"])
        for node in stage["nodes"]
    }


def _parts(run: StageRun, titles: Mapping[tuple[str, str], str]) -> tuple[tuple[str, float], ...]:
    timed = [
        (titles.get((run.stage, node), node), float(known["seconds"]))
        for node, known in run.nodes.items()
        if known.get("seconds")
    ]
    return tuple(sorted(timed, key=lambda part: -part[1]))


class TimelineBar(QWidget):
    """A bar with a legend below; the legend wraps where it must."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._spans: tuple[Span, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(BAR_HEIGHT + LINE_HEIGHT + 6)
        self.setAccessibleName("Where the time went")
        theme.changed.connect(self.update)

    @property
    def shown(self) -> tuple[Span, ...]:
        """What is shown."""
        return self._spans

    def show_spans(self, found: tuple[Span, ...]) -> None:
        """Show these."""
        if found != self._spans:
            self._spans = found
            self.setAccessibleDescription(", ".join(span.words for span in found))
            self._fit()
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint bar and legend."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        whole = QPainterPath()
        whole.addRoundedRect(QRectF(0, 0, self.width(), BAR_HEIGHT), 4, 4)
        painter.setClipPath(whole)
        painter.fillRect(QRectF(0, 0, self.width(), BAR_HEIGHT), self._theme.colour("line"))
        for area, span in self._areas():
            painter.fillRect(area.adjusted(0, 0, -1.5, 0), self._theme.colour(span.colour))
        painter.setClipping(False)
        painter.setFont(self._theme.font(SMALL_PX))
        for place, span in zip(self._legend(), self._spans, strict=True):
            painter.fillRect(
                QRectF(place.x(), place.y() + 4, 8, 8), self._theme.colour(span.colour)
            )
            painter.setPen(self._theme.ink("muted", "panel"))
            painter.drawText(QPointF(place.x() + 12, place.y() + 12), span.words)
        painter.end()

    def event(self, event: QEvent) -> bool:
        """Tell a span's nodes under the pointer."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            at = event.pos()
            for area, span in self._areas():
                if area.adjusted(0, -4, 0, 4).contains(at):
                    QToolTip.showText(event.globalPos(), span.sentence, self)
                    return True
            QToolTip.hideText()
            return True
        if event.type() is QEvent.Type.Resize:
            self._fit()
        return bool(super().event(event))

    def _areas(self) -> list[tuple[QRectF, Span]]:
        whole = sum(span.seconds for span in self._spans)
        if whole <= 0:
            return []
        shares = [max(LEAST_SHARE, span.seconds / whole) for span in self._spans]
        scale = self.width() / sum(shares)
        areas, x = [], 0.0
        for share, span in zip(shares, self._spans, strict=True):
            areas.append((QRectF(x, 0, share * scale, BAR_HEIGHT), span))
            x += share * scale
        return areas

    def _legend(self) -> list[QPointF]:
        metrics = QFontMetricsF(self._theme.font(SMALL_PX))
        places, x, y = [], 0.0, BAR_HEIGHT + 6.0
        for span in self._spans:
            width = 12 + metrics.horizontalAdvance(span.words) + 12
            if x > 0 and x + width - 12 > self.width():
                x, y = 0.0, y + LINE_HEIGHT
            places.append(QPointF(x, y))
            x += width
        return places

    def _fit(self) -> None:
        places = self._legend()
        last = places[-1].y() if places else BAR_HEIGHT + 6.0
        height = int(last) + LINE_HEIGHT
        if height != self.height():
            self.setFixedHeight(height)
