"""The states' shapes: each can be told from the others without its colour."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from jigdesk.domain.job import JobStatus

_S = JobStatus
_FULL_TURN = 360 * 16
_TOP = 90 * 16


def paint_state(painter: QPainter, centre: QPointF, status: JobStatus, colour: QColor) -> None:
    """A disc runs, a ring waits, a filling disc is between; a tick, a cross or a dash is over."""
    ring = QRectF(centre.x() - 4.5, centre.y() - 4.5, 9, 9)
    pen = QPen(colour, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
    pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    match status:
        case _S.RUNNING:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawEllipse(ring)
        case _S.ACCEPTED | _S.QUEUED:
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(ring)
        case _S.PREPARING | _S.UPLOADING | _S.CONFIRMING:
            share = {_S.PREPARING: 0.25, _S.UPLOADING: 0.5, _S.CONFIRMING: 0.75}[status]
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(ring)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawPie(ring, _TOP, -round(_FULL_TURN * share))
        case _S.COMPLETED:
            painter.setPen(pen)
            painter.drawPolyline(
                [
                    centre + QPointF(-4, 0.5),
                    centre + QPointF(-1.2, 3.2),
                    centre + QPointF(4.2, -3.6),
                ]
            )
        case _S.FAILED:
            painter.setPen(pen)
            painter.drawLine(centre + QPointF(-3.4, -3.4), centre + QPointF(3.4, 3.4))
            painter.drawLine(centre + QPointF(-3.4, 3.4), centre + QPointF(3.4, -3.4))
        case _S.CANCELLED:
            painter.setPen(pen)
            painter.drawLine(centre + QPointF(-3.6, 0), centre + QPointF(3.6, 0))
