"""A small lamp: shape and colour say a level."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from ui.theme.theme import Theme

SIDE = 12


def paint_level(painter: QPainter, area: QRectF, level: str, theme: Theme) -> None:
    """A disc for ok, a triangle for warning, a cross for error, a ring for off."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    centre, half = area.center(), area.width() / 2
    match level:
        case "ok" | "accent":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour(level))
            painter.drawEllipse(centre, half * 0.72, half * 0.72)
        case "warning":
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("warning"))
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(centre.x(), area.top() + 1),
                        QPointF(area.right(), area.bottom() - 1),
                        QPointF(area.left(), area.bottom() - 1),
                    ]
                )
            )
        case "error":
            painter.setPen(QPen(theme.colour("error"), 2.2, c=Qt.PenCapStyle.RoundCap))
            box = area.adjusted(2, 2, -2, -2)
            painter.drawLine(box.topLeft(), box.bottomRight())
            painter.drawLine(box.topRight(), box.bottomLeft())
        case _:
            painter.setPen(QPen(theme.colour("faint"), 1.6))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawEllipse(centre, half * 0.65, half * 0.65)


class Lamp(QWidget):
    """Shows a level: ok, warning, error, or off."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(SIDE, SIDE)
        self._theme = theme
        self._level = "off"
        theme.changed.connect(self.update)

    @property
    def level(self) -> str:
        """What is shown."""
        return self._level

    def show_level(self, level: str) -> None:
        """Show another level."""
        if level != self._level:
            self._level = level
            self.update()

    def paintEvent(self, _event: object) -> None:  # noqa: N802 - Qt's name
        """Paint the shape."""
        painter = QPainter(self)
        paint_level(painter, QRectF(self.rect()), self._level, self._theme)
        painter.end()
