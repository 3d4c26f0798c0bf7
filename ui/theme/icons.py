"""The project's own icons, drawn in a colour of the theme at every screen's density."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from ui.theme.palette import Palette

DENSITIES = (1.0, 2.0, 3.0)


class Icons:
    """Icons by file name; `use` switches the palette that later ones are drawn in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._palette: Palette | None = None
        self._made: dict[tuple[str, str, int], QIcon] = {}

    def use(self, palette: Palette) -> None:
        """Draw in these colours from now on."""
        self._palette = palette
        self._made.clear()

    def icon(self, name: str, colour: str = "muted", px: int = 20) -> QIcon:
        """The icon in a colour of the theme (`on_accent` too); FileNotFoundError for no such."""
        key = (name, colour, px)
        if key not in self._made:
            self._made[key] = self._draw(name, colour, px)
        return self._made[key]

    def _draw(self, name: str, colour: str, px: int) -> QIcon:
        if self._palette is None:
            raise AssertionError("no palette is in use yet")
        ink = self._palette.on_accent if colour == "on_accent" else self._palette.colour(colour)
        svg = (self._folder / f"{name}.svg").read_text(encoding="utf-8")
        renderer = QSvgRenderer(QByteArray(svg.replace("currentColor", ink).encode()))
        icon = QIcon()
        for density in DENSITIES:
            side = round(px * density)
            image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
            image.fill(Qt.GlobalColor.transparent)
            painter = QPainter(image)
            renderer.render(painter, QRectF(0, 0, side, side))
            painter.end()
            pixmap = QPixmap.fromImage(image)
            pixmap.setDevicePixelRatio(density)
            icon.addPixmap(pixmap)
        return icon
