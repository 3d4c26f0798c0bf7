"""Who is told of something, in the window's thread, without Qt between.

A signal of Qt gives Python up for each emission and asks for it again for each slot, and each time
the core's threads may have their turns first. What comes with every beat of the window goes to a
dozen views, so that a beat of 5 ms would take 30 when the core is busy.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from types import MethodType
from typing import Generic, TypeVar

from PySide6.QtCore import QObject
from shiboken6 import isValid

T = TypeVar("T")


class Hearing(Generic[T]):
    """Listeners, called in the order in which they came; used from the window's thread alone.

    Methods are held weakly and are forgotten with their object, like the slots of a signal; other
    functions stay. What a listener raises goes to `sys.excepthook`, and the others are still told.
    """

    def __init__(self) -> None:
        self._listeners: list[Callable[[], Callable[[T], object] | None]] = []

    def connect(self, listener: Callable[[T], object]) -> None:
        """Tell `listener` from now on."""
        if isinstance(listener, MethodType):
            self._listeners.append(weakref.WeakMethod(listener))
        else:
            self._listeners.append(lambda: listener)

    def emit(self, value: T) -> None:
        """Tell all of them."""
        gone = False
        for reference in tuple(self._listeners):
            listener = reference()
            if listener is None or not _lives(listener):
                gone = True
                continue
            try:
                listener(value)
            except Exception:  # noqa: BLE001 - what a slot raises goes there too
                sys.excepthook(*sys.exc_info())
        if gone:
            self._listeners = [each for each in self._listeners if _is_there(each())]


def _is_there(listener: Callable[[T], object] | None) -> bool:
    return listener is not None and _lives(listener)


def _lives(listener: Callable[[T], object]) -> bool:
    """Whether its object is there for Qt too: it may be deleted before Python lets go of it."""
    owner = getattr(listener, "__self__", None)
    return not isinstance(owner, QObject) or isValid(owner)
