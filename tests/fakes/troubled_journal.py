"""A journal that cannot be used now and then, as on a disk that is full for a while."""

from __future__ import annotations

from collections import Counter
from typing import Any

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.errors import JournalUnavailable


class TroubledJournal:
    """A real journal, but that the next `failures[operation]` calls of an operation fail."""

    def __init__(self, journal: SqliteJournal) -> None:
        self.failures: Counter[str] = Counter()
        self._journal = journal

    def __getattr__(self, operation: str) -> Any:
        if self.failures[operation] > 0:
            self.failures[operation] -= 1
            return self._fail
        return getattr(self._journal, operation)

    async def _fail(self, *_values: object, **_names: object) -> None:
        raise JournalUnavailable("The disk is full.")
