"""Where a window may be: on a screen that there is, and no larger than it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QRegion

FRAME = QSize(8, 40)
"""About what a window manager puts around a window; it is known only once that is shown."""


def size_on(wanted: QSize, screen: QRect) -> QSize:
    """The size, or as much of it as the screen has room for with a frame."""
    return wanted.boundedTo(screen.size() - FRAME)


def place_on(wanted: QRect, screens: Sequence[QRect]) -> QRect:
    """Where a window that is to be at `wanted` is seen whole.

    `screens` are the parts of them that windows may take, the main one first. A place that lies
    on them, be it on two, stays as it is; any other goes to the screen that has most of it.
    """
    if not screens:
        return wanted
    seen = QRegion()
    for screen in screens:
        seen += screen
    if (QRegion(wanted) - seen).isEmpty():
        return wanted
    home = max(screens, key=lambda screen: _shared(screen, wanted))
    size = size_on(wanted.size(), home)
    right, foot = home.right() + 1 - size.width(), home.bottom() + 1 - size.height()
    left = min(max(wanted.left(), home.left()), right)
    top = min(max(wanted.top(), home.top()), foot)
    return QRect(QPoint(left, top), size)


def _shared(screen: QRect, wanted: QRect) -> int:
    both = screen & wanted
    return both.width() * both.height() if both.isValid() else 0
