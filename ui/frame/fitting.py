"""A window whose words break into lines: as high as they need, and no higher."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget


def fit_height(window: QWidget, width: int) -> None:
    """Fix a window's size: `width`, and the height that its layout needs there.

    Qt asks words for their height before it knows how wide they will be.
    """
    layout = window.layout()
    if layout is None:
        raise ValueError("a window without a layout has no height of its own")
    for part in (window, *window.findChildren(QWidget)):
        part.ensurePolished()  # the style sheet has a say in the type
    layout.invalidate()
    layout.activate()
    needed = layout.totalHeightForWidth(width)
    window.setFixedSize(width, needed if needed > 0 else layout.totalSizeHint().height())
