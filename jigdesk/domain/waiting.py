"""When the jobs of a line begin: what runs and what waits, spread over the slots."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds until a job begins, and until it has ended; `ends_s` None when not known."""

    starts_s: float
    ends_s: float | None


def waits(
    running_s: Iterable[float | None], line: Iterable[tuple[str, float | None]], slots: int
) -> Mapping[str, Wait]:
    """The wait of each job of `line` (job id, usual seconds), in the line's order.

    `running_s` is what is left of each job that holds a slot. None anywhere is unknown, and so
    is everything behind it: those jobs are left out.
    """
    free: list[float] = []
    for left_s in running_s:
        if left_s is None:
            return {}
        free.append(max(0.0, left_s))
    free += [0.0] * max(0, slots - len(free))
    heapq.heapify(free)
    # more may hold a slot than there are now: the slots were fewer once
    for _ in range(len(free) - max(1, slots)):
        heapq.heappop(free)
    found: dict[str, Wait] = {}
    for job_id, takes_s in line:
        starts_s = heapq.heappop(free)
        if takes_s is None:
            found[job_id] = Wait(starts_s, None)
            break
        ends_s = starts_s + max(0.0, takes_s)
        heapq.heappush(free, ends_s)
        found[job_id] = Wait(starts_s, ends_s)
    return found
