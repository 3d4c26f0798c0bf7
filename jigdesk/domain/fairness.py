"""Whose turn it is: priority first, then owners take turns, then first come first served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits; `owner` None is the host's own."""

    job_id: str
    owner: str | None
    priority: int
    order: int


def in_turn(waiting: Iterable[Waiting], served: Mapping[str | None, int]) -> list[Waiting]:
    """Every waiting job in the order in which it will be taken.

    `served` says when an owner was last served (a counter that grows; absent: never). Inside
    one priority the owner who waited longest goes first, then the next, one job each; an
    owner's own jobs keep their order.
    """
    lines: dict[int, dict[str | None, list[Waiting]]] = {}
    for job in sorted(waiting, key=lambda job: job.order):
        lines.setdefault(job.priority, {}).setdefault(job.owner, []).append(job)
    turn: list[Waiting] = []
    for priority in sorted(lines, reverse=True):
        owners = lines[priority]
        first = sorted(owners, key=lambda owner: (served.get(owner, -1), owners[owner][0].order))
        rounds = max(len(jobs) for jobs in owners.values())
        turn.extend(
            owners[owner][index]
            for index in range(rounds)
            for owner in first
            if index < len(owners[owner])
        )
    return turn
