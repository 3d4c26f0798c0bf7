"""Marks in the store: whether browsers look at a job by way of a jobs API far away.

See `jigdesk.domain.watching`. Nothing is asked of the store but while preview frames come.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator, Callable

from jigdesk.domain import keys
from jigdesk.domain.errors import JournalUnavailable, StoreError, TransientError
from jigdesk.domain.watching import watching_document
from jigdesk.ports import Journal, ObjectInfo, ObjectStore

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
TRY_AGAIN_S = 60.0


class WatchMarks:
    """Makes, looks at and removes the marks of the jobs that run here. Lives on the core's loop.

    `look` is called by one task alone; the rest is cheap and may be called at any time.
    """

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._journal = journal
        self._store = store
        self._monotonic = monotonic
        self._looked_at: dict[str, float] = {}
        self._due: set[str] = set()
        self._seen: dict[str, str] = {}
        self._over: set[str] = set()

    async def begin(self) -> None:
        """Nothing runs yet: marks that an earlier life of this desk left go at the first `look`."""
        try:
            self._over.update(job.job_id for job in await self._journal.active())
        except JournalUnavailable as trouble:
            log.warning("old marks are left: %s", trouble.message)

    def frame_came(self, job_id: str) -> bool:
        """Whether it is time to `look` for this job's sake."""
        looked_at = self._looked_at.get(job_id)
        if looked_at is not None and self._monotonic() - looked_at < LOOK_EVERY_S:
            return False
        self._due.add(job_id)
        return True

    def forget(self, job_id: str) -> None:
        """It runs no more: the next `look` removes its mark, if it has one."""
        self._due.discard(job_id)
        self._seen.pop(job_id, None)
        if self._looked_at.pop(job_id, None) is not None:
            self._over.add(job_id)

    async def look(self) -> AsyncIterator[str]:
        """Do what is due; yields the jobs that somebody asked for since the last look."""
        await self._remove()
        while self._due:
            job_id = self._due.pop()
            self._looked_at[job_id] = self._monotonic()
            try:
                was_asked = await self._was_asked(job_id)
            except (TransientError, StoreError) as trouble:
                log.info("job %s: who looks at it is not known: %s", job_id, trouble.message)
            else:
                if was_asked:
                    yield job_id

    @property
    def look_again_s(self) -> float | None:
        """Seconds until `look` should be called even if no frame comes; None: no need."""
        return TRY_AGAIN_S if self._over else None

    async def _remove(self) -> None:
        over = list(self._over)
        if not over:
            return
        try:
            await self._store.delete([keys.watching_key(job_id) for job_id in over])
        except (TransientError, StoreError) as trouble:
            log.info("marks of %d jobs are left for later: %s", len(over), trouble.message)
        else:
            self._over.difference_update(over)

    async def _was_asked(self, job_id: str) -> bool:
        seen = self._seen.get(job_id)
        found = None if seen is None else await self._store.head(keys.watching_key(job_id))
        was_asked = found is not None and found.etag != seen
        if found is None:  # the first look, or somebody tidied up
            found = await self._make(job_id)
        if job_id not in self._looked_at:  # it ended meanwhile
            return False
        self._seen[job_id] = found.etag
        return was_asked

    async def _make(self, job_id: str) -> ObjectInfo:
        """Write the mark over whatever is there: an earlier life's says nothing of today."""
        self._over.discard(job_id)
        body = json.dumps(watching_document(job_id)).encode()
        return await self._store.put(keys.watching_key(job_id), body)
