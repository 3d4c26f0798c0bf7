"""Claim: of all desks on one bucket, one runs a job, and it alone writes about it."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from jigdesk.domain import keys
from jigdesk.domain.changes import StageState
from jigdesk.domain.clock import to_rfc3339
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed, StoreUnavailable
from jigdesk.domain.job import FINAL, Job
from jigdesk.ports import Journal, ObjectStore

MAX_STATE_BYTES = 1024 * 1024
REMEMBERED = 10_000
TRIES = 5


@dataclass(frozen=True, slots=True)
class Claim:
    """What a state.json says; `host_id` is None when it cannot be understood.

    `ended`: the job came to its end in attempt `attempt`.
    """

    host_id: str | None
    attempt: int
    ended: bool
    etag: str


class Claims:
    """Claims jobs for this desk and knows which are its own. Lives on the core's loop.

    The claim is state.json, written create-only: whoever comes second does not run the job.
    Everything that the desk writes about a job waits for it, so that a desk that lost never
    overwrites what the other one says.
    """

    def __init__(self, journal: Journal, store: ObjectStore, host_id: str) -> None:
        self.host_id = host_id
        self._journal = journal
        self._store = store
        self._held: OrderedDict[str, None] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def held(self, job_id: str) -> bool:
        """Whether the job is known to be this desk's, without asking the store."""
        if job_id not in self._held:
            return False
        self._held.move_to_end(job_id)
        return True

    async def hold(self, job: Job) -> bool:
        """Claim the job; whether it is this desk's, now or since before.

        False as well for a job that this desk brought to its end in a life that its journal
        knows nothing of any more. Raises StoreUnavailable. Safe to call again and to cancel.
        """
        lock = self._locks.setdefault(job.job_id, asyncio.Lock())
        async with lock:
            if self.held(job.job_id):
                return True
            if not await self._claim(job):
                return False
            self._held[job.job_id] = None
            while len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
            return True

    async def _claim(self, job: Job) -> bool:
        key = keys.state_key(job.job_id)
        body = json.dumps(await state_document(self._journal, job, self.host_id)).encode()
        broken: str | None = None
        for _ in range(TRIES):
            try:
                await self._store.put(key, body, create_only=broken is None, if_match=broken)
            except PreconditionFailed:
                found = await read_claim(self._store, job.job_id)
            else:
                return True
            if found is None or found.host_id is None:
                broken = None if found is None else found.etag
                continue
            return found.host_id == self.host_id and not _ended_before(found, job)
        raise StoreUnavailable(f"Somebody writes {key!r} again and again.")


async def read_claim(store: ObjectStore, job_id: str) -> Claim | None:
    """Who claimed the job; None when nobody did. Raises StoreUnavailable."""
    try:
        body, info = await store.get(keys.state_key(job_id), MAX_STATE_BYTES)
    except ObjectNotFound:
        return None
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    values = document if isinstance(document, dict) else {}
    host_id, attempt = values.get("host_id"), values.get("attempt")
    return Claim(
        host_id=host_id if isinstance(host_id, str) else None,
        attempt=attempt if isinstance(attempt, int) else 1,
        ended=values.get("status") in {status.value for status in FINAL},
        etag=info.etag,
    )


async def state_document(journal: Journal, job: Job, host_id: str) -> dict[str, Any]:
    """The content of state.json: the claim and the idempotency markers."""
    runs = await journal.stage_runs(job.job_id)
    return {
        "version": 1,
        "job_id": job.job_id,
        "host_id": host_id,
        "attempt": job.attempt,
        "status": job.status.value,
        "stages_done": [run.stage for run in runs if run.state is StageState.STORED],
        "prompt_ids": {run.stage: run.prompt_id for run in runs},
        "claimed_at": to_rfc3339(job.created_at),
        "updated_at": to_rfc3339(job.updated_at),
    }


def _ended_before(found: Claim, job: Job) -> bool:
    """Whether state.json is ahead of the journal that it was written from: that one was lost."""
    return found.ended and found.attempt >= job.attempt and not job.status.is_final
