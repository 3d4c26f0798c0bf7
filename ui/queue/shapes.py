"""The states' shapes: each can be told from the others without its colour."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from jigdesk.domain.job import JobStatus

_S = JobStatus
_FULL_TURN = 360 * 16
_TOP = 90 * 16
_RING = QRectF(-4.5, -4.5, 9, 9)
_TICK = QPolygonF([QPointF(-4, 0.5), QPointF(-1.2, 3.2), QPointF(4.2, -3.6)])
_FALLING = QLineF(-3.4, -3.4, 3.4, 3.4)
_RISING = QLineF(-3.4, 3.4, 3.4, -3.4)
_DASH = QLineF(-3.6, 0, 3.6, 0)
_SHARES = {_S.PREPARING: 0.25, _S.UPLOADING: 0.5, _S.CONFIRMING: 0.75}


def paint_state(painter: QPainter, x: float, y: float, status: JobStatus, colour: QColor) -> None:
    """A disc runs, a ring waits, a filling disc is between; a tick, a cross or a dash is over.

    Its middle is at `x` and `y`, and it is 9 pixels wide.
    """
    painter.translate(x, y)
    painter.setPen(_pen(colour.rgba()))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    match status:
        case _S.RUNNING:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(_RING)
        case _S.ACCEPTED | _S.QUEUED:
            painter.drawEllipse(_RING)
        case _S.PREPARING | _S.UPLOADING | _S.CONFIRMING:
            painter.drawEllipse(_RING)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawPie(_RING, _TOP, -round(_FULL_TURN * _SHARES[status]))
        case _S.COMPLETED:
            painter.drawPolyline(_TICK)
        case _S.FAILED:
            painter.drawLine(_FALLING)
            painter.drawLine(_RISING)
        case _S.CANCELLED:
            painter.drawLine(_DASH)
    painter.translate(-x, -y)


@lru_cache(maxsize=64)
def _pen(rgba: int) -> QPen:
    pen = QPen(QColor.fromRgba(rgba), 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    return pen
