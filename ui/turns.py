"""The core's thread and the window's share one interpreter: they take short turns.

Only one thread of Python runs at a time. One that wants to run asks for its turn and gets it when
the other one has had 5 ms, Python's default. A webhook's answer passes between three threads, so a
window that paints would cost it as many turns; and the window would wait as often while it paints,
since it lends its turn whenever Qt works alone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

TURN_S = 0.001
LONG_TURN_S = 0.01


def short_turns() -> contextlib.AbstractContextManager[None]:
    """Let threads take turns of TURN_S while the block lasts."""
    return _turns_of(TURN_S)


def one_long_turn() -> contextlib.AbstractContextManager[None]:
    """Keep the interpreter for the whole block, or for LONG_TURN_S of it.

    For work of a few milliseconds that calls nothing that gives Python up (no signal, no lock, no
    file): who waits has a turn before and after it, instead of one in each millisecond of it.
    """
    return _turns_of(LONG_TURN_S)


@contextlib.contextmanager
def _turns_of(seconds: float) -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(seconds)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
