"""The jobs API's routes, for a Lambda and for the desk's own listener alike."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import JigDeskError, RequestError
from lambdas.common.documents import read_document
from lambdas.common.ports import DocumentStore
from lambdas.jobs_api.callers import Callers
from lambdas.jobs_api.create import JobCreation
from lambdas.jobs_api.http import (
    MethodNotAllowed,
    Request,
    Response,
    error_response,
    json_body,
    json_response,
)
from lambdas.jobs_api.ports import (
    ApiSettings,
    Commander,
    Identity,
    LookedAt,
    StatusReader,
    Workflows,
)
from lambdas.jobs_api.pusher_auth import authorise_channel
from lambdas.jobs_api.reading import JobReading
from lambdas.jobs_api.usage import UsageCounter

_THREADS = 16
_FIRST_SERVER_ERROR = 500
_log = logging.getLogger(__name__)


def stored_status(store: DocumentStore) -> StatusReader:
    """Reads status.json, which is all that a Lambda knows of a job."""

    def read(job_id: str) -> Mapping[str, Any] | None:
        found = read_document(store, keys.status_key(job_id))
        return None if found is None else found[0]

    return read


class JobsApi:
    """Every route of the jobs API but the event stream. Blocks; thread-safe; close it.

    `status` None reads status.json. Reads of many objects share 16 threads, none of which
    starts before it is needed.
    """

    def __init__(
        self,
        store: DocumentStore,
        *,
        workflows: Workflows,
        commander: Commander,
        identity: Identity,
        settings: ApiSettings,
        looked_at: LookedAt,
        status: StatusReader | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="jobs-api-read")
        read = status or stored_status(store)
        self._workflows = workflows
        self._commander = commander
        self._settings = settings
        self._callers = Callers(store, identity, settings, clock)
        self._reading = JobReading(store, read, settings, self._pool, clock, looked_at)
        self._creation = JobCreation(
            store,
            self._callers,
            workflows,
            UsageCounter(store, read, settings, self._pool, clock),
            settings,
            clock,
        )

    def close(self) -> None:
        """End the threads; requests under way fail."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def handle(self, request: Request) -> Response:
        """Answer a request; expected failures become their JSON, bugs are raised."""
        try:
            return self._route(request)
        except JigDeskError as error:
            response = error_response(error)
            if response.status >= _FIRST_SERVER_ERROR:  # the caller is told in general terms only
                _log.warning("%s %s: %s", request.method, request.path, error.message)
            return response

    def authorise(self, job_id: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
        """The owner id of whoever may follow a job's events (`ticket`, token or client_id).

        Raises RequestError 400, 401 or 404, or StoreUnavailable.
        """
        return self._callers.follower(job_id, query, headers)

    def _route(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        match parts:
            case ["api", "jobs"]:
                _allow(request, "GET", "POST")
                if request.method == "POST":
                    return json_response(201, self._creation.create(request))
                owner_id = self._callers.owner(request.headers, request.query.get("client_id"))
                return json_response(200, self._reading.page(owner_id, request.query))
            case ["api", "jobs", job_id]:
                _allow(request, "GET")
                owner_id = self._own_job(request, job_id)
                return json_response(200, self._reading.one(owner_id, job_id))
            case ["api", "jobs", job_id, ("cancel" | "retry") as command]:
                _allow(request, "POST")
                return self._command(request, job_id, command)
            case ["api", "workflows"]:
                _allow(request, "GET")
                items = [dict(item) for item in self._workflows()]
                return json_response(200, {"items": items, "next_cursor": None})
            case ["api", "pusher", "auth"]:
                _allow(request, "POST")
                return json_response(200, authorise_channel(request, self._callers, self._settings))
        raise RequestError(404, "not_found", "There is no such route.")

    def _own_job(self, request: Request, job_id: str) -> str:
        return self._callers.own_job(request.headers, request.query.get("client_id"), job_id)

    def _command(self, request: Request, job_id: str, command: str) -> Response:
        client_id: object = request.query.get("client_id")
        if client_id is None and request.body.strip():
            client_id = json_body(request).get("client_id")
        self._callers.own_job(request.headers, client_id, job_id)
        act = self._commander.cancel if command == "cancel" else self._commander.retry
        return json_response(202, {"job_id": job_id, "status": act(job_id)})


def _allow(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise MethodNotAllowed(methods)
