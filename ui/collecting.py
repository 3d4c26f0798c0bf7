"""Garbage is collected in the main thread alone.

Python's collector runs in whatever thread makes it due. An object of Qt that hangs in a cycle
would then be destroyed in the core's thread, which Qt does not survive for long ("Timers cannot
be stopped from another thread").
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

from PySide6.QtCore import QTimer

LOOK_MS = 500
EVERY_YOUNG = 10
EVERY_MIDDLE = 60
"""Of so many looks one goes through more than the youngest objects."""


@contextlib.contextmanager
def collecting_here() -> Iterator[None]:
    """Collect only in this thread, which runs Qt's loop, while the block lasts.

    What was made until now (modules, code) is left out of it for good: it would only cost time.
    """
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        generation = 2 if looks % EVERY_MIDDLE == 0 else 1 if looks % EVERY_YOUNG == 0 else 0
        gc.collect(generation)

    gc.collect()
    gc.freeze()
    gc.disable()
    timer = QTimer()
    timer.setInterval(LOOK_MS)
    timer.timeout.connect(look)
    timer.start()
    try:
        yield
    finally:
        timer.stop()
        gc.collect()
        gc.enable()
