"""A picture to zoom and to pan, and two to compare under a slider."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from ui.theme.theme import SMALL_PX, Theme

ZOOM_STEP = 1.25
MOST_ZOOM = 16.0
GRIP = 8.0


class Canvas(QWidget):
    """Shows `after`; with a `before`, what is left of the slider is that one.

    `zoomed(float)` says the scale of the picture: 1.0 is a pixel a pixel.
    """

    zoomed = Signal(float)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._after = QImage()
        self._before = QImage()
        self._words = ""
        self._scale: float | None = None  # None: as large as fits
        self._centre = QPointF(0.5, 0.5)  # of the picture, in the widget's middle
        self._slider = 0.5
        self._grabbed: QPointF | None = None
        self._sliding = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(320, 240)
        self.setAccessibleName("Picture")

    @property
    def slider(self) -> float:
        """Where the slider is: 0 is the left edge of the picture, 1 the right one."""
        return self._slider

    @property
    def compares(self) -> bool:
        """Whether two pictures are shown."""
        return not self._before.isNull()

    def show_words(self, words: str) -> None:
        """Show a sentence and no picture."""
        self._after, self._before, self._words = QImage(), QImage(), words
        self.update()

    def show_after(self, image: QImage) -> None:
        """Show a picture, as large as fits."""
        self._after, self._words = image, ""
        self.fit()

    def show_before(self, image: QImage) -> None:
        """Compare with a picture; a null one ends the comparison."""
        self._before = image
        self.update()

    def fit(self) -> None:
        """Show the whole picture."""
        self._scale, self._centre = None, QPointF(0.5, 0.5)
        self._changed()

    def zoom(self, factor: float) -> None:
        """Zoom around the middle."""
        self._zoom_to(self.scale * factor)

    def zoom_pixels(self) -> None:
        """Show a pixel as a pixel."""
        self._zoom_to(1.0)

    @property
    def scale(self) -> float:
        """Pixels of the widget for one of the picture."""
        return self._fitting() if self._scale is None else self._scale

    def slide_to(self, share: float) -> None:
        """Move the slider; 0 to 1 over the picture."""
        self._slider = min(1.0, max(0.0, share))
        self.update()

    # --- events ------------------------------------------------------------------------------

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint both pictures."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.colour("background"))
        if self._after.isNull():
            painter.setFont(self._theme.font())
            painter.setPen(self._theme.ink("muted", "background"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(40, 40, -40, -40), int(flags), self._words)
            painter.end()
            return
        # seen closely, a pixel is a pixel
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self.scale < 3)  # noqa: PLR2004
        area = self._area()
        painter.drawImage(area, self._after)
        if self.compares:
            x = area.left() + self._slider * area.width()
            painter.save()
            painter.setClipRect(QRectF(0, 0, x, self.height()))
            painter.drawImage(area, self._before)
            painter.restore()
            self._paint_slider(painter, area, x)
        painter.end()

    def _paint_slider(self, painter: QPainter, area: QRectF, x: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self._theme.colour("accent"), 2.0))
        painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        painter.setBrush(self._theme.colour("accent"))
        shown = area.intersected(QRectF(self.rect()))
        painter.drawEllipse(QPointF(x, shown.center().y()), GRIP, GRIP)
        painter.setFont(self._theme.font(SMALL_PX))
        for words, right in (("before", x - 14), ("after", x + 14 + 52)):
            plate = QRectF(right - 52, shown.top() + 10, 52, 20)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._theme.colour("panel"))
            painter.drawRoundedRect(plate, 4, 4)
            painter.setPen(self._theme.ink("text", "panel"))
            painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Take the slider, or the picture."""
        at = event.position()
        area = self._area()
        near = abs(at.x() - (area.left() + self._slider * area.width())) <= 2 * GRIP
        self._sliding = self.compares and near
        self._grabbed = at

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Move the slider, or the picture."""
        if self._grabbed is None or self._after.isNull():
            return
        at, area = event.position(), self._area()
        if self._sliding:
            self.slide_to((at.x() - area.left()) / area.width())
            return
        moved = at - self._grabbed
        self._grabbed = at
        self._centre -= QPointF(moved.x() / area.width(), moved.y() / area.height())
        self._changed()

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Let go."""
        self._grabbed, self._sliding = None, False

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Between the whole picture and its pixels."""
        if self._scale is None:
            self.zoom_pixels()
        else:
            self.fit()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Zoom around the pointer."""
        factor = ZOOM_STEP if event.angleDelta().y() > 0 else 1 / ZOOM_STEP
        self._zoom_to(self.scale * factor, event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Plus, minus, 0, 1; the arrows move the slider."""
        match Qt.Key(event.key()):
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(ZOOM_STEP)
            case Qt.Key.Key_Minus:
                self.zoom(1 / ZOOM_STEP)
            case Qt.Key.Key_0:
                self.fit()
            case Qt.Key.Key_1:
                self.zoom_pixels()
            case Qt.Key.Key_Left if self.compares:
                self.slide_to(self._slider - 0.02)
            case Qt.Key.Key_Right if self.compares:
                self.slide_to(self._slider + 0.02)
            case _:
                super().keyPressEvent(event)

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """The scale may have changed."""
        super().resizeEvent(event)  # type: ignore[arg-type]
        self._changed()

    # --- geometry ----------------------------------------------------------------------------

    def _fitting(self) -> float:
        if self._after.isNull():
            return 1.0
        width, height = self._after.width(), self._after.height()
        return min(self.width() / width, self.height() / height, 4.0)

    def _area(self) -> QRectF:
        size = QSizeF(self._after.size()) * self.scale
        left = self.width() / 2 - self._centre.x() * size.width()
        top = self.height() / 2 - self._centre.y() * size.height()
        return QRectF(QPointF(left, top), size)

    def _zoom_to(self, scale: float, around: QPointF | None = None) -> None:
        if self._after.isNull():
            return
        wanted = min(MOST_ZOOM, max(min(self._fitting(), 1.0), scale))
        around = QPointF(self.rect().center()) if around is None else around
        before = self._area()
        share = QPointF(
            (around.x() - before.left()) / before.width(),
            (around.y() - before.top()) / before.height(),
        )
        self._scale = wanted
        after = self._area()
        shift = QPointF(
            after.left() + share.x() * after.width() - around.x(),
            after.top() + share.y() * after.height() - around.y(),
        )
        self._centre += QPointF(shift.x() / after.width(), shift.y() / after.height())
        self._changed()

    def _changed(self) -> None:
        self._centre = QPointF(
            min(1.0, max(0.0, self._centre.x())), min(1.0, max(0.0, self._centre.y()))
        )
        self.zoomed.emit(self.scale)
        self.update()
