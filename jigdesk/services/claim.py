"""Claim: of all desks on one bucket, one runs a job."""

from __future__ import annotations

import json
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed
from jigdesk.domain.job import Job
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.outbox import state_document

MAX_STATE_BYTES = 1024 * 1024


async def claim(journal: Journal, store: ObjectStore, job: Job, host_id: str) -> bool:
    """Write state.json create-only; whether the job is ours, now or since before.

    Raises StoreUnavailable. Safe to call again and to cancel.
    """
    key = keys.state_key(job.job_id)
    body = json.dumps(await state_document(journal, job, host_id)).encode()
    try:
        await store.put(key, body, create_only=True)
    except PreconditionFailed:
        return await claimed_by(store, job.job_id) in (host_id, None)
    return True


async def claimed_by(store: ObjectStore, job_id: str) -> str | None:
    """The host id in state.json; None when there is none or it cannot be understood."""
    try:
        body, _ = await store.get(keys.state_key(job_id), MAX_STATE_BYTES)
        document: Any = json.loads(body)
    except (ObjectNotFound, ValueError):
        return None
    host_id = document.get("host_id") if isinstance(document, dict) else None
    return host_id if isinstance(host_id, str) else None
