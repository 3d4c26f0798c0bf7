"""Whether memory stays flat: the process's resident set over time, and its slope."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass

import psutil

MIB = 1024 * 1024
WARM_UP_SHARE = 0.2
FLAT_MIB_A_MINUTE = 0.5
"""Less than what a week would turn into trouble, more than what the allocator's pages sway."""


@dataclass(frozen=True, slots=True)
class Soaked:
    """What became of the process; the slope is that of the time after the warm-up."""

    minutes: float
    first_mib: float
    last_mib: float
    slope_mib_a_minute: float
    threads: tuple[int, int]
    files: tuple[int, int]
    objects: tuple[int, int]

    @property
    def is_flat(self) -> bool:
        """Whether it may go on for ever."""
        return self.slope_mib_a_minute <= FLAT_MIB_A_MINUTE


class Soak:
    """Samples this process; call `look` about once a second."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._began = time.monotonic()
        self._seen: list[tuple[float, float]] = []
        self._counts: list[tuple[float, int, int, int]] = []

    def look(self) -> None:
        """Take a sample."""
        at = time.monotonic() - self._began
        self._seen.append((at, self._process.memory_info().rss / MIB))
        if len(self._seen) % 10 == 1:  # going through the objects takes a while
            counts = self._process.num_threads(), self._process.num_fds(), len(gc.get_objects())
            self._counts.append((at, *counts))

    def result(self) -> Soaked:
        """The figures of everything seen."""
        whole = self._seen[-1][0]
        warm = whole * WARM_UP_SHARE
        seen = [(at, mib) for at, mib in self._seen if at >= warm]
        counts = [count for count in self._counts if count[0] >= warm]
        tenth = max(1, len(seen) // 10)
        return Soaked(
            whole / 60,
            _mean([mib for _, mib in seen[:tenth]]),
            _mean([mib for _, mib in seen[-tenth:]]),
            60 * _slope(seen),
            (counts[0][1], counts[-1][1]),
            (counts[0][2], counts[-1][2]),
            (counts[0][3], counts[-1][3]),
        )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _slope(points: list[tuple[float, float]]) -> float:
    """Least squares."""
    x = _mean([at for at, _ in points])
    y = _mean([mib for _, mib in points])
    return sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points)
