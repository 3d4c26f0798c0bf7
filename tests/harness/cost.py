"""What a call costs, as a ratio: a busy machine makes both sides slow alike."""

from __future__ import annotations

import time
from collections.abc import Callable

_NOISE_S = 0.004
_MOST = 2.5
"""How much more than linear four times the input may cost: a quadratic call costs 4 times that."""


def assert_linear(call: Callable[[int], object], size: int) -> None:
    """Fail when `call(4 * size)` costs far more than four times `call(size)`.

    Processor time of this thread, the best of three. What others do to the caches may tell
    against it once or twice, but not each time.
    """
    tries = (_is_linear(call, size) for _ in range(4))
    assert any(tries), f"four times of {size} cost far more than four times as much"


def _is_linear(call: Callable[[int], object], size: int) -> bool:
    small_s, large_s = _cost_s(call, size), _cost_s(call, 4 * size)
    return large_s <= 4 * _MOST * max(small_s, _NOISE_S)


def _cost_s(call: Callable[[int], object], size: int) -> float:
    best_s = float("inf")
    for _ in range(3):
        began_s = time.thread_time()
        call(size)
        best_s = min(best_s, time.thread_time() - began_s)
    return best_s
