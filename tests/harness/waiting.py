"""Waiting for what no event announces."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
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
