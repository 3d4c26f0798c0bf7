"""Who owns a job: the job index alone says it, everything else is a claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.errors import ObjectNotFound, StoreError
from jigdesk.domain.ids import is_owner_id, is_user_id, user_owner
from jigdesk.domain.manifest import MAX_REQUEST_BYTES
from lambdas.common.documents import decode_object, read_document
from lambdas.common.ports import DocumentStore


def owns(store: DocumentStore, owner_id: str, job_id: str) -> bool:
    """Whether the index says that this owner has this job."""
    return store.head(keys.index_key(owner_id, job_id)) is not None


def claimed_by(store: DocumentStore, owner_id: str, job_id: str) -> bool:
    """Whether a browser's client id stands though the index has no record under it.

    So it is for a job whose manifest was put into the store past the jobs API: request.json
    claims that client id, and no signed-in user has the job. A user's claim never stands.
    """
    kind, _, client_id = owner_id.partition(":")
    if kind != "client":
        return False
    try:
        request = decode_object(store.get(keys.request_key(job_id), MAX_REQUEST_BYTES)[0])
    except (ObjectNotFound, StoreError, ValueError):
        return False  # not there, too large, or nothing that claims anything
    return request.get("client_id") == client_id and not is_private(store, job_id, request)


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
