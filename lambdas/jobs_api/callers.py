"""Who is asking, and whether a job is theirs."""

from __future__ import annotations

from collections.abc import Mapping

from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import RequestError
from jigdesk.domain.ids import client_owner, is_client_id, is_job_id, user_owner
from lambdas.common.owners import claimed_by, owns
from lambdas.common.ports import DocumentStore
from lambdas.jobs_api.http import not_found
from lambdas.jobs_api.ports import ApiSettings, Identity
from lambdas.jobs_api.tickets import check_ticket


class Callers:
    """Tells callers apart. A bad token is a 401, never a fall back to the client id."""

    def __init__(
        self, store: DocumentStore, identity: Identity, settings: ApiSettings, clock: Clock
    ) -> None:
        self._store = store
        self._identity = identity
        self._settings = settings
        self._clock = clock

    def user_id(self, headers: Mapping[str, str]) -> str | None:
        """The signed-in user; None without an Authorization header; raises RequestError(401)."""
        header = headers.get("authorization")
        if header is None:
            return None
        scheme, _, token = header.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RequestError(401, "unauthorized", "Authorization must be 'Bearer' and a token.")
        return self._identity.user_id(token.strip())

    def owner(self, headers: Mapping[str, str], client_id: object) -> str:
        """The owner id of the caller; raises RequestError 401, or 400 without any identity."""
        user_id = self.user_id(headers)
        if user_id is not None:
            return user_owner(user_id)
        return client_owner(check_client_id(client_id))

    def own_job(self, headers: Mapping[str, str], client_id: object, job_id: str) -> str:
        """The owner id, once the job is known to be theirs; else RequestError(404)."""
        owner_id = self.owner(headers, client_id)
        if is_job_id(job_id) and (
            owns(self._store, owner_id, job_id) or claimed_by(self._store, owner_id, job_id)
        ):
            return owner_id
        raise not_found()

    def follower(self, job_id: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The owner id of whoever may follow a job's events, by a ticket or as `own_job`."""
        ticket = query.get("ticket")
        if ticket is None:
            return self.own_job(headers, query.get("client_id"), job_id)
        if not is_job_id(job_id):
            raise not_found()
        return check_ticket(self._settings.secret, job_id, ticket, self._clock())


def check_client_id(client_id: object) -> str:
    """Return a well-formed client id; raises RequestError(400)."""
    if not is_client_id(client_id):
        raise RequestError(
            400,
            "bad_client_id",
            "client_id must be 8 to 64 letters, digits, - or _ (or sign in).",
            field="client_id",
        )
    return str(client_id)
