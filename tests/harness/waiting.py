"""How long tests wait, and waiting for what no event announces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE_S = 180.0
"""What nothing that works takes, on a machine ten times slower than a developer's either.

It ends a test that hangs; it is no promise of the program's. A shorter wait belongs only where
running into it is what is tested.
"""


async def eventually(holds: Callable[[], bool], within_s: float = PATIENCE_S) -> None:
    """Return once `holds()` is true; an OSError or a KeyError counts as not yet."""
    deadline_s = time.monotonic() + within_s
    while True:
        try:
            if holds():
                return
        except (OSError, KeyError):
            pass
        assert time.monotonic() < deadline_s, "it did not come to hold in time"
        await asyncio.sleep(0.02)
