"""Decodes pictures in worker threads, at the size in which they are shown."""

from __future__ import annotations

import io
import warnings
from collections.abc import Hashable
from pathlib import Path

from PIL import Image, ImageOps
from PySide6.QtCore import QObject, QSize, QThreadPool, Signal
from PySide6.QtGui import QImage

from jigdesk.app.pictures import UNREADABLE

THREADS = 2
MAX_PIXELS = 80_000_000
FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "GIF", "BMP", "TIFF", "AVIF")


def decode(source: bytes | Path, size: QSize, *, enlarge: bool = False) -> QImage:
    """The picture's first frame, made to fit `size` where it is larger, or in any case.

    A null image for what is no picture or has too many pixels. It has the format that the screen
    has, so that painting it converts and scales nothing. Blocks; safe in any thread.
    """
    box = max(1, size.width()), max(1, size.height())
    readable = io.BytesIO(source) if isinstance(source, bytes) else source
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(readable, formats=formats) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    return QImage()
                opened.draft("RGB", box)
                picture: Image.Image = ImageOps.exif_transpose(opened) or opened
                if enlarge:
                    picture = ImageOps.contain(picture.convert("RGBA"), box)
                else:
                    picture.thumbnail(box)
                pixels = picture.convert("RGBA").convert("RGBa")
    except UNREADABLE:
        return QImage()
    image = QImage(
        pixels.tobytes("raw", "BGRa"),
        pixels.width,
        pixels.height,
        4 * pixels.width,
        QImage.Format.Format_ARGB32_Premultiplied,
    )
    return image.copy()  # the bytes above go with this function


class Decoder(QObject):
    """Emits `decoded(key, QImage)` in the main thread; of each key only the newest is decoded."""

    decoded = Signal(object, QImage)
    _ended = Signal(object, QImage)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._busy: set[Hashable] = set()
        self._next: dict[Hashable, tuple[bytes | Path, QSize, bool]] = {}
        self._closed = False
        self._ended.connect(self._settle)

    def ask(self, key: Hashable, source: bytes | Path, size: QSize, enlarge: bool = False) -> None:
        """Decode an encoded picture, or a file, soon; see `decode`."""
        if self._closed:
            return
        if key in self._busy:
            self._next[key] = source, size, enlarge
            return
        self._busy.add(key)

        def work() -> None:
            self._ended.emit(key, decode(source, size, enlarge=enlarge))

        self._pool.start(work)

    def close(self) -> None:
        """Wait for what is being decoded, and drop what waits. May be called twice."""
        self._closed = True
        self._next.clear()
        self._pool.clear()
        self._pool.waitForDone()

    def _settle(self, key: Hashable, image: QImage) -> None:
        self._busy.discard(key)
        if self._closed:
            return
        waiting = self._next.pop(key, None)
        self.decoded.emit(key, image)
        if waiting is not None:
            self.ask(key, *waiting)
