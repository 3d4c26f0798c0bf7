"""Retry as a pure decision: how long to wait, and the one loop around it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from jigdesk.domain.errors import TransientError

T = TypeVar("T")

BASE_S = 0.5
CAP_S = 60.0


def backoff_s(tries: int, *, base_s: float = BASE_S, cap_s: float = CAP_S) -> float:
    """Seconds to wait after `tries` failures (1 or more): exponential, half of it jitter."""
    ceiling_s = min(cap_s, base_s * 2.0 ** min(tries - 1, 30))
    return ceiling_s / 2 + random.random() * ceiling_s / 2  # noqa: S311 - jitter, no secret


async def until_it_works(
    call: Callable[[], Awaitable[T]], *, on_failure: Callable[[TransientError], None] | None = None
) -> T:
    """Call until it does not raise TransientError, for ever, with backoff and jitter.

    Everything else passes through. Cancelling is safe.
    """
    tries = 0
    while True:
        try:
            return await call()
        except TransientError as failure:
            tries += 1
            if on_failure is not None:
                on_failure(failure)
        await asyncio.sleep(backoff_s(tries))
