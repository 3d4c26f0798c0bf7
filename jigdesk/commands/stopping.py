"""Stopping on a signal: the first asks, the second (or too long a wait) ends the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

GRACE_S = 15.0
FORCED_EXIT = 1

log = logging.getLogger(__name__)


@contextlib.contextmanager
def stop_on_signals(grace_s: float = GRACE_S) -> Iterator[asyncio.Event]:
    """Yield an event that SIGINT or SIGTERM sets; call it on the main thread's running loop.

    A second signal ends the process at once, and so does a block that has not ended `grace_s`
    seconds after the first, even when the loop is stuck. Engines do not outlive that: their
    launcher sees the desk's end of the pipe close.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    overdue: list[threading.Timer] = []

    def on_signal(number: int, _: FrameType | None) -> None:
        if overdue:
            _exit_now("a second signal")
        # a handler runs between two bytecodes of this thread: nothing but a wake-up here
        timer = threading.Timer(grace_s, _exit_now, (f"{grace_s:g} s to stop in were over",))
        timer.daemon = True
        timer.start()
        overdue.append(timer)
        loop.call_soon_threadsafe(stop.set)
        loop.call_soon_threadsafe(log.info, "stopping on %s", signal.Signals(number).name)

    before = {
        number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stop
    finally:
        for timer in overdue:
            timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_now(reason: str) -> None:
    os.write(2, f"jigdesk: ended by force: {reason}\n".encode())
    os._exit(FORCED_EXIT)
