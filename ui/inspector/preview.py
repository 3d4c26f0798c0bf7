"""The picture of the node that runs, or of the newest result."""

from __future__ import annotations

from math import floor

from PySide6.QtCore import QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QFontMetricsF, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from ui.theme.theme import BASE_PX, SMALL_PX, Theme

HEIGHT = 208
RADIUS = 6
MARGIN = 10


class PreviewBox(QWidget):
    """Shows one picture whole, with a caption over it; without a picture, a sentence."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._image = QImage()
        self._caption = ""
        self._words = ""
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Preview")
        theme.changed.connect(self.update)

    @property
    def image(self) -> QImage:
        """What is shown; null without a picture."""
        return self._image

    @property
    def words(self) -> str:
        """The sentence without a picture, else the caption."""
        return self._words if self._image.isNull() else self._caption

    def wanted_size(self) -> QSize:
        """The size in pixels of the screen in which a picture should be decoded."""
        return QSize(self.width(), HEIGHT) * self.devicePixelRatioF()

    def show_image(self, image: QImage) -> None:
        """Show a picture; a null one is not shown."""
        if not image.isNull():
            self._image = image
            self.update()

    def show_caption(self, caption: str) -> None:
        """The words over the picture."""
        if caption != self._caption:
            self._caption = caption
            self.setAccessibleDescription(caption)
            self.update()

    def clear(self, words: str) -> None:
        """Show a sentence and no picture."""
        if words != self._words or not self._image.isNull():
            self._image, self._words, self._caption = QImage(), words, ""
            self.setAccessibleDescription(words)
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint ground, picture and caption."""
        theme = self._theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        clip = QPainterPath()
        clip.addRoundedRect(frame, RADIUS, RADIUS)
        painter.fillPath(clip, theme.colour("background"))
        if self._image.isNull():
            painter.setPen(QPen(theme.colour("line"), 1.0))
            painter.drawPath(clip)
            painter.setFont(theme.font(BASE_PX))
            painter.setPen(theme.ink("muted", "background"))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(frame.adjusted(24, 16, -24, -16), int(flags), self._words)
        else:
            painter.setClipPath(clip)
            painter.drawImage(self._place(), self._image)
            self._paint_caption(painter, frame)
        painter.end()

    def _place(self) -> QRectF:
        """Where the picture goes: on whole pixels as it is, when it was decoded for this size.

        Else it is scaled, a small one too: a preview is looked at from afar.
        """
        size = QSizeF(self._image.size()) / self.devicePixelRatioF()
        fitted = size.scaled(QSizeF(self.size()), Qt.AspectRatioMode.KeepAspectRatio)
        if abs(fitted.width() - size.width()) > 1 or abs(fitted.height() - size.height()) > 1:
            size = fitted
        left = floor((self.width() - size.width()) / 2)
        top = floor((self.height() - size.height()) / 2)
        return QRectF(left, top, size.width(), size.height())

    def _paint_caption(self, painter: QPainter, frame: QRectF) -> None:
        if not self._caption:
            return
        font = self._theme.font(SMALL_PX)
        metrics = QFontMetricsF(font)
        words = metrics.elidedText(
            self._caption, Qt.TextElideMode.ElideRight, frame.width() - 4 * MARGIN
        )
        width = metrics.horizontalAdvance(words) + 16
        plate = QRectF(MARGIN, frame.bottom() - MARGIN - 22, width, 22)
        # on a picture, and so the same in both themes: the dark one's ground and words
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._theme.colour("panel"))
        painter.setOpacity(0.92)
        painter.drawRoundedRect(plate, 4, 4)
        painter.setOpacity(1.0)
        painter.setFont(font)
        painter.setPen(self._theme.ink("text", "panel"))
        painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, words)
