"""Rows of the outbox that were replaced while they may have been on their way."""

from __future__ import annotations

from itertools import islice

_KEPT = 10_000


class Replaced:
    """Old row id → new row id, so that the old one's outcome reaches the new one.

    Kept in memory only: after a restart nothing is on its way. Writer's thread only.
    """

    def __init__(self) -> None:
        self._by: dict[int, int] = {}

    def note(self, old: int, new: int) -> None:
        """`new` took the place of `old`."""
        self._by[old] = new
        if len(self._by) > _KEPT:
            for stale in list(islice(self._by, _KEPT // 2)):
                del self._by[stale]

    def after(self, row_id: int) -> list[int]:
        """Every row that took the place of `row_id`, one after the other."""
        found = []
        while (row_id := self._by.get(row_id, 0)) != 0:
            found.append(row_id)
        return found

    def clear(self) -> None:
        """Forget all: some of it was rolled back."""
        self._by.clear()
