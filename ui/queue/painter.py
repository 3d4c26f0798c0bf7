"""Paints the queue's rows: each cell one line, or words over a thin bar."""

from __future__ import annotations

from collections.abc import Sequence, Set
from math import ceil
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QStaticText

from jigdesk.domain.job import Job, JobStatus
from ui.queue.columns import COLUMNS, ROW_PX, Column
from ui.queue.model import QueueModel
from ui.queue.shapes import paint_state
from ui.queue.wording import STATE_COLOURS, STATE_WORDS, WITH_BAR, stage_words
from ui.theme.theme import BASE_PX, SMALL_PX, Theme

PAD = 10
SHAPE_PX = 18
"""A state's shape with what is left beside it."""
BAR_PX = 4
PERCENT_PX = 36
SWEEP_BEATS = 14
"""A busy bar crosses once in so many beats of the bridge's timer."""
FADE_BEATS = 8
MAX_FADING = 6
"""Rows that fade at once; where more change, a glow says nothing and costs a lot."""
MAX_TEXTS = 2_048
"""Words that are laid out already: laying out costs more than painting."""

_TextKey = tuple[str, int, int, bool, Qt.TextElideMode]


class Box(NamedTuple):
    """A rectangle in whole pixels of the view.

    Not one of Qt's, which gives Python up for a moment wherever one is thrown away: a row has a
    hundred of them, and other threads would have as many turns.
    """

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first pixel that is not in it any more."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first pixel below it."""
        return self.top + self.height

    @property
    def middle(self) -> int:
        """Half its height down."""
        return self.top + self.height // 2


class Cell(NamedTuple):
    """Where a column is: `left` and `width` in pixels of the view."""

    column: Column
    left: int
    width: int


class _Line(NamedTuple):
    """Words that are laid out, with their size in pixels."""

    text: QStaticText
    width: int
    height: float


class RowPainter:
    """Paints whole rows. `beat` moves the busy bars and the fading rows."""

    def __init__(self, model: QueueModel, theme: Theme) -> None:
        self._model = model
        self._told = model.told
        self._theme = theme
        self._beat = 0
        self._texts: dict[_TextKey, _Line] = {}
        self._changed: dict[str, int] = {}

    def beat(self, number: int) -> Set[str]:
        """Another beat; the jobs whose rows fade, or did until now, and are to be painted."""
        self._beat = number
        fading = frozenset(self._changed)
        self._changed = {j: at for j, at in self._changed.items() if number - at < FADE_BEATS}
        return fading

    def fade(self, job_id: str) -> None:
        """This row has just changed its state."""
        if len(self._changed) < MAX_FADING:
            self._changed.setdefault(job_id, self._beat)

    def is_busy(self, job: Job) -> bool:
        """Whether its bar is on its way without a number."""
        return job.status in WITH_BAR and self._told.bar(job) is None

    def paint_row(
        self,
        painter: QPainter,
        row: int,
        area: Box,
        cells: Sequence[Cell],
        *,
        is_selected: bool = False,
        is_current: bool = False,
    ) -> None:
        """Paint what of a row's cells is in `area`, which is as high as the row.

        A row that is not loaded is asked for.
        """
        ground = "accent_background" if is_selected else "panel"
        job = self._model.job_or_ask(row)
        top, left, right = area.top, area.left, area.right
        self._paint_ground(painter, area, ground, job)
        if is_current:
            painter.fillRect(cells[0].left, top, 3, ROW_PX - 1, self._theme.colour("accent"))
        for cell in cells:
            if cell.left + PAD >= right or cell.left + cell.width - PAD <= left:
                continue
            inner = Box(cell.left + PAD, top, cell.width - 2 * PAD, ROW_PX)
            if job is None:
                self._paint_missing(painter, inner, cell.column)
            else:
                self._paint_cell(painter, inner, job, cell.column, ground)

    def _paint_ground(self, painter: QPainter, area: Box, ground: str, job: Job | None) -> None:
        left, top, width, height = area
        painter.fillRect(left, top, width, height, self._theme.colour(ground))
        at = None if job is None else self._changed.get(job.job_id)
        if at is not None:
            glow = QColor(self._theme.colour("accent_background"))
            glow.setAlphaF(max(0.0, 1 - (self._beat - at) / FADE_BEATS))
            painter.fillRect(left, top, width, height, glow)
        painter.fillRect(left, area.bottom - 1, width, 1, self._theme.colour("line"))

    def _paint_missing(self, painter: QPainter, area: Box, column: Column) -> None:
        if column in (Column.STATE, Column.WORKFLOW, Column.PROGRESS, Column.OWNER):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("raised"))
            width = min(80, area.width)
            painter.drawRoundedRect(area.left, area.middle - 4, width, 8, 4, 4)

    def _paint_cell(
        self, painter: QPainter, area: Box, job: Job, column: Column, ground: str
    ) -> None:
        ink = self._theme.ink
        match column:
            case Column.STATE:
                name = STATE_COLOURS[job.status]
                paint_state(
                    painter,
                    area.left + 5,
                    area.middle,
                    job.status,
                    self._theme.colour("muted" if name == "faint" else name),
                )
                left, top, width, height = area
                beside = Box(left + SHAPE_PX, top, width - SHAPE_PX, height)
                colour = ink("muted" if name == "faint" else name, ground)
                self._text(painter, beside, STATE_WORDS[job.status], colour)
            case Column.WORKFLOW:
                self._paint_workflow(painter, area, job, ground)
            case Column.PROGRESS:
                self._paint_progress(painter, area, job, ground)
            case Column.JOB:
                words = self._told.words(job, column)
                self._text(painter, area, words, ink("muted", ground), BASE_PX, mono=True)
            case Column.LAST | Column.CREATED | Column.ATTEMPTS:
                words = self._told.words(job, column)
                self._text(painter, area, words, ink("muted", ground), right=True)
            case _:
                right = COLUMNS[column].right
                colour = ink("text", ground)
                elide = Qt.TextElideMode.ElideMiddle
                words = self._told.words(job, column)
                self._text(painter, area, words, colour, right=right, elide=elide)

    def _paint_workflow(self, painter: QPainter, area: Box, job: Job, ground: str) -> None:
        ink = self._theme.ink
        stage = stage_words(job) if not job.status.is_final else ""
        name = job.workflow or "not read yet"
        colour = ink("text" if job.workflow else "muted", ground)
        if not stage:
            self._text(painter, area, name, colour)
            return
        upper, lower = _lines(area)
        self._text(painter, upper, name, colour)
        self._text(painter, lower, stage, ink("muted", ground), SMALL_PX)

    def _paint_progress(self, painter: QPainter, area: Box, job: Job, ground: str) -> None:
        words = self._told.words(job, Column.PROGRESS)
        tone = {JobStatus.FAILED: "error", JobStatus.CANCELLED: "muted"}.get(job.status, "text")
        if job.status in (JobStatus.ACCEPTED, JobStatus.QUEUED):
            tone = "muted"
        colour = self._theme.ink(tone, ground)
        if job.status not in WITH_BAR:
            self._text(painter, area, words, colour)
            return
        upper, lower = _lines(area)
        self._text(painter, upper, words, colour)
        bar = Box(lower.left, lower.middle - 1, lower.width - PERCENT_PX, BAR_PX)
        done = self._told.bar(job)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("line" if ground == "panel" else "background"))
        painter.drawRoundedRect(*bar, 2, 2)
        painter.setBrush(self._theme.colour("accent"))
        if done is None:
            painter.drawRoundedRect(*_sweep(bar, self._beat), 2, 2)
            return
        if done > 0:
            width = max(BAR_PX, round(bar.width * min(done, 1.0)))
            painter.drawRoundedRect(bar.left, bar.top, width, BAR_PX, 2, 2)
            percent = f"{int(done * 100)}%"
            right = Box(bar.right, lower.top, PERCENT_PX, lower.height)
            colour = self._theme.ink("muted", ground)
            self._text(painter, right, percent, colour, SMALL_PX, right=True)

    def _text(
        self,
        painter: QPainter,
        area: Box,
        words: str,
        colour: QColor,
        px: int = BASE_PX,
        *,
        mono: bool = False,
        right: bool = False,
        elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        if not words:
            return
        font: QFont = self._theme.font(px, mono=mono)
        key = (words, area.width, px, mono, elide)
        line = self._texts.get(key)
        if line is None:
            if len(self._texts) >= MAX_TEXTS:
                self._texts.clear()
            line = self._texts[key] = _laid_out(words, font, elide, area.width)
        painter.setFont(font)
        painter.setPen(colour)
        left = area.right - line.width if right else area.left
        painter.drawStaticText(left, area.top + ceil((area.height - line.height) / 2), line.text)


def _laid_out(words: str, font: QFont, elide: Qt.TextElideMode, width: int) -> _Line:
    """One line of words, cut to the width."""
    cut = QFontMetrics(font).elidedText(words.replace("\n", " "), elide, width)
    text = QStaticText(cut)
    text.setTextFormat(Qt.TextFormat.PlainText)
    text.prepare(font=font)
    size = text.size()
    return _Line(text, ceil(size.width()), size.height())


def _lines(area: Box) -> tuple[Box, Box]:
    """The upper and the lower line of a cell."""
    left, _, width, _ = area
    return Box(left, area.middle - 18, width, 18), Box(left, area.middle + 1, width, 15)


def _sweep(bar: Box, beat: int) -> Box:
    """Where the busy piece is: it goes to and fro."""
    share = (beat % (2 * SWEEP_BEATS)) / SWEEP_BEATS
    place = share if share <= 1 else 2 - share
    width = bar.width * 3 // 10
    return Box(bar.left + round((bar.width - width) * place), bar.top, width, bar.height)
