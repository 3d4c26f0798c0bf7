"""Who owns a job: the job index alone says it, everything else is a claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.ids import is_owner_id, is_user_id, user_owner
from lambdas.common.documents import read_document
from lambdas.common.ports import DocumentStore


def owns(store: DocumentStore, owner_id: str, job_id: str) -> bool:
    """Whether the index says that this owner has this job."""
    return store.head(keys.index_key(owner_id, job_id)) is not None


def is_private(store: DocumentStore, job_id: str, request: Mapping[str, Any] | None) -> bool:
    """Whether a job belongs to a signed-in user, so that its events go to a private channel.

    Files arrive before request.json (None), so the owner cannot be claimed by it yet; the
    pointer that the jobs API writes for a signed-in owner's job claims it instead. Either
    claim counts only when the index confirms it: a forged one leads to the anonymous channel,
    where the job id is the secret, as for every job without a user.
    """
    claimed = request.get("user_id") if request is not None else None
    if is_user_id(claimed) and owns(store, user_owner(str(claimed)), job_id):
        return True
    pointer = read_document(store, keys.index_pointer_key(job_id))
    owner_id = pointer[0].get("owner_id") if pointer is not None else None
    return (
        is_owner_id(owner_id)
        and str(owner_id).startswith("user:")
        and owns(store, str(owner_id), job_id)
    )
