"""What a test of the window may not leave in the background: threads of Qt, and daemons.

The other threads of Python are watched for in all tests; see tests/conftest.py.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Collection

from PySide6.QtCore import QThread
from shiboken6 import isValid


def threads_now() -> frozenset[threading.Thread]:
    """Every thread of Python that runs."""
    return frozenset(threading.enumerate())


def left_running(before: Collection[threading.Thread], within_s: float) -> list[str]:
    """The threads that still run and were not there `before`; waits for those that end.

    A thread of Qt that Python made counts too, by its own object: one that merely ran some
    Python is a dummy to `threading`, and stays one after its end.
    """
    deadline_s = time.monotonic() + within_s
    while True:
        left = [thread.name for thread in threads_now() if _counts(thread, before)]
        left += [repr(thread) for thread in _qt_threads()]
        if not left or time.monotonic() > deadline_s:
            return left
        time.sleep(0.01)


def _counts(thread: threading.Thread, before: Collection[threading.Thread]) -> bool:
    is_dummy = isinstance(thread, threading._DummyThread)
    return thread.daemon and not is_dummy and thread not in before


def _qt_threads() -> list[QThread]:
    return [
        thread
        for thread in gc.get_objects()
        if issubclass(type(thread), QThread)
        and isValid(thread)
        and thread.isRunning()
        and thread is not QThread.currentThread()
    ]
