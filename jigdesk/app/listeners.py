"""Builds the two listeners from the core's parts."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from jigdesk.adapters.http.api import JobsApiBridge
from jigdesk.adapters.http.control import ControlParts
from jigdesk.adapters.http.events import EventStreams, Settled
from jigdesk.adapters.http.files import file_routes
from jigdesk.adapters.http.local import LocalParts, local_app
from jigdesk.adapters.http.public import log_unserved, public_app
from jigdesk.adapters.http.replay import Replayer
from jigdesk.adapters.http.request_log import RequestLog
from jigdesk.adapters.http.server import Endpoint, Listener
from jigdesk.adapters.publisher.hub import EventHub
from jigdesk.adapters.store.local import LocalStore
from jigdesk.app.desk_api import Followers
from jigdesk.domain import keys
from jigdesk.domain.errors import ObjectNotFound, StoreError, TransientError
from jigdesk.domain.job import Job
from jigdesk.domain.manifest import MAX_REQUEST_BYTES
from jigdesk.ports import Control, Intake, Journal, ObjectStore
from jigdesk.resources import assets_dir
from jigdesk.settings import ServerSettings
from lambdas.jobs_api.logic import JobsApi


@dataclass(frozen=True, slots=True)
class Listeners:
    """The two listeners, and what the public one has seen; `run_key` proves whose it is."""

    public: Listener
    local: Listener
    requests: RequestLog
    replayer: Replayer
    run_key: bytes = field(repr=False)


def build_listeners(
    settings: ServerSettings,
    journal: Journal,
    store: ObjectStore,
    *,
    local_store: LocalStore | None,
    intake: Intake,
    control: Control,
    api: JobsApi,
    followers: Followers,
    hub: EventHub,
    settled: Settled,
    registry: CollectorRegistry,
    webhook_secrets: Callable[[], Sequence[str]],
    token: Callable[[], str],
    workflows: Callable[[], Sequence[Mapping[str, Any]]],
) -> Listeners:
    """Build both; nothing listens until they are started."""
    requests = RequestLog()
    run_key = secrets.token_bytes(32)
    public = Listener(
        public_app(intake, webhook_secrets, requests, run_key),
        Endpoint(settings.public_host, settings.public_port, "server.public"),
        unserved=log_unserved(requests),
    )

    async def read_request(job: Job) -> dict[str, object] | None:
        try:
            body, _ = await store.get(keys.request_key(job.job_id), MAX_REQUEST_BYTES)
            document = json.loads(body)
        except (ObjectNotFound, StoreError, TransientError, ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    replayer = Replayer(requests, webhook_secrets, lambda: public.url)
    parts = LocalParts(
        api=JobsApiBridge(api.handle),
        events=EventStreams(journal, hub, followers.authorise, followers.render, settled=settled),
        control=ControlParts(
            journal=journal,
            control=control,
            read_request=read_request,
            log=requests,
            replayer=replayer,
            token=token,
            workflows=workflows,
        ),
        registry=registry,
        assets=assets_dir(),
        files=() if local_store is None else file_routes(local_store),
        allowed_hosts=settings.allowed_hosts,
        allowed_origins=settings.allowed_origins,
    )
    local = Listener(
        local_app(parts),
        Endpoint(settings.local_host, settings.local_port, "server.local"),
        cancel_on_disconnect=True,
    )
    return Listeners(public, local, requests, replayer, run_key)
