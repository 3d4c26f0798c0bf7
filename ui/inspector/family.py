"""A job's family: what it branches from, and what branches from it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QVBoxLayout, QWidget

from jigdesk.domain.changes import Kin
from ui.queue.shapes import paint_state
from ui.queue.wording import STATE_COLOURS, STATE_WORDS
from ui.theme.theme import SMALL_PX, Theme
from ui.words import short_id

ROW_PX = 26
STEP_PX = 18
PAD_PX = 8
DEEPEST = 8
"""Deeper ones are not moved further to the right."""
GONE = "not in this journal any more"


class KinRow(QAbstractButton):
    """One job of the family; a click looks at it."""

    def __init__(self, kin: Kin, theme: Theme, parent: QWidget, *, is_self: bool) -> None:
        super().__init__(parent)
        self.kin = kin
        self.is_self = is_self
        self._theme = theme
        can_open = kin.job is not None and not is_self
        self.setEnabled(can_open)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if can_open else Qt.FocusPolicy.NoFocus)
        if can_open:
            self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{kin.job_id}\n{self.words}")
        self.setAccessibleName(self.words)

    @property
    def words(self) -> str:
        """`blur, completed, from refine`."""
        kin = self.kin
        if kin.job is None:
            name, state = short_id(kin.job_id), GONE
        else:
            name = kin.job.workflow or short_id(kin.job_id)
            state = STATE_WORDS[kin.job.status].lower()
        parts = [name, state, *([f"from {kin.stage}"] if kin.stage else [])]
        return ", ".join(parts) + (" (this job)" if self.is_self else "")

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """One line."""
        return QSize(200, ROW_PX)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Repaint the ground."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """Repaint the ground."""
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the branch, the state's shape, the workflow and the stage."""
        theme, kin = self._theme, self.kin
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        lit = self.isEnabled() and (self.underMouse() or self.hasFocus())
        ground = "accent_background" if self.is_self else "raised" if lit else "panel"
        if ground != "panel":
            painter.setPen(theme.colour("accent") if self.hasFocus() else Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(ground))
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 1.5, -0.5, -1.5), 4, 4)
        middle = self.height() / 2
        x = float(PAD_PX) + STEP_PX * min(kin.depth, DEEPEST)
        if kin.depth:
            painter.setPen(QPen(theme.colour("faint"), 1.2))
            painter.drawPolyline(
                [QPointF(x - 11, 0), QPointF(x - 11, middle), QPointF(x - 4, middle)]
            )
        status = None if kin.job is None else kin.job.status
        if status is not None:
            tone = STATE_COLOURS[status]
            shape = theme.colour("muted" if tone == "faint" else tone)
            paint_state(painter, x + 5, middle, status, shape)
        x += 18
        x = self._text(painter, x, short_id(kin.job_id), "muted", ground, mono=True) + 8
        stage = f"from {kin.stage}" if kin.stage else ""
        metrics = QFontMetricsF(theme.font(SMALL_PX))
        room = self.width() - PAD_PX - metrics.horizontalAdvance(stage)
        name = GONE if kin.job is None else kin.job.workflow or "not read yet"
        tone = "muted" if kin.job is None else "text"
        self._text(painter, x, name, tone, ground, to=room - 8, bold=self.is_self)
        self._text(painter, max(x, room), stage, "muted", ground)
        painter.end()

    def _text(
        self,
        painter: QPainter,
        x: float,
        words: str,
        tone: str,
        ground: str,
        *,
        to: float | None = None,
        mono: bool = False,
        bold: bool = False,
    ) -> float:
        """Write from `x`, cut at `to`; returns where it ends."""
        font = self._theme.font(SMALL_PX, mono=mono, bold=bold)
        metrics = QFontMetricsF(font)
        if to is not None:
            words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, max(0.0, to - x))
        painter.setFont(font)
        painter.setPen(self._theme.ink(tone, ground))
        width = metrics.horizontalAdvance(words)
        area = QRectF(x, 0, width + 2, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, words)
        return x + width


class FamilyTree(QWidget):
    """The family as a tree, a job a row; `opened(job_id)` follows the owner."""

    opened = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._kin: tuple[Kin, ...] = ()
        self._job_id = ""
        self.rows: list[KinRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        theme.changed.connect(self.update)

    def show_family(self, family: Sequence[Kin], job_id: str) -> None:
        """Show these, and which of them is looked at."""
        if (tuple(family), job_id) == (self._kin, self._job_id):
            return
        focused = next((row.kin.job_id for row in self.rows if row.hasFocus()), "")
        for row in self.rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._kin, self._job_id = tuple(family), job_id
        self.rows = []
        for kin in family:
            row = KinRow(kin, self._theme, self, is_self=kin.job_id == job_id)
            row.clicked.connect(lambda _=False, job_id=kin.job_id: self.opened.emit(job_id))
            self._column.addWidget(row)
            self.rows.append(row)
            row.show()
            if kin.job_id == focused:
                row.setFocus()
