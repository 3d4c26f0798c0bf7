"""Tells a desk that cannot hear it itself that the owner of a running job looks at it."""

from __future__ import annotations

import logging

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import PreconditionFailed, StoreError, TransientError
from jigdesk.domain.watching import is_noted, watching_document
from lambdas.common.documents import encode, read_document
from lambdas.common.ports import DocumentStore

_MAX_BYTES = 4096
_log = logging.getLogger(__name__)


class StoreWatching:
    """Implements `LookedAt` by way of the store. Thread-safe.

    It never makes a mark, and never brings one back that the desk has removed: so a job without
    previews costs one GET and nothing is left of one that ended.
    """

    def __init__(self, store: DocumentStore, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    def __call__(self, job_id: str) -> None:
        """Note it, unless it is noted already; trouble costs the caller the preview alone."""
        key = keys.watching_key(job_id)
        now = self._clock()
        try:
            found = read_document(self._store, key, _MAX_BYTES)
            if found is None or is_noted(found[0], now):
                return
            body = encode(watching_document(job_id, now))
            self._store.put(key, body, if_match=found[1].etag)
        except PreconditionFailed:
            _log.debug("job %s: somebody else was first, or it ended", job_id)
        except (StoreError, TransientError) as trouble:
            _log.warning("job %s: that it is looked at was not noted: %s", job_id, trouble.message)
