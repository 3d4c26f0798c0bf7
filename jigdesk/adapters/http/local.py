"""The local listener: the jobs API, events, files, the dock, the owner's control, metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from jigdesk.adapters.http.api import JobsApiBridge
from jigdesk.adapters.http.control import ControlParts, control_app
from jigdesk.adapters.http.errors import json_answer, json_errors, note_start
from jigdesk.adapters.http.events import EventStreams
from jigdesk.adapters.http.guard import LOOPBACK_HOSTS, Guard, add_cors
from jigdesk.adapters.http.openapi import openapi_document
from jigdesk.adapters.http.pages import Dock, Metrics

_MAX_BODY_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LocalParts:
    """What the local listener is made of; it closes `api` and `events` when it stops.

    `files` are the routes below `/files/` (none where the store is not on this machine);
    `assets` is the folder that holds dock.html.
    """

    api: JobsApiBridge
    events: EventStreams
    control: ControlParts
    registry: CollectorRegistry
    assets: Path
    files: Sequence[web.AbstractRouteDef] = ()
    allowed_hosts: Sequence[str] = LOOPBACK_HOSTS
    allowed_origins: Sequence[str] = ()


def local_app(parts: LocalParts) -> web.Application:
    """Build the local listener."""
    guard = Guard(parts.allowed_hosts, parts.allowed_origins)
    app = web.Application(
        middlewares=[json_errors, guard.middleware], client_max_size=_MAX_BODY_BYTES
    )
    app.on_response_prepare.append(note_start)
    app.on_response_prepare.append(add_cors)
    app.on_response_prepare.append(_sandbox_files)
    dock, metrics, document = Dock(parts.assets), Metrics(parts.registry), openapi_document()

    async def openapi(_request: web.Request) -> web.Response:
        return json_answer(document)

    app.router.add_route("*", "/api/{path:.+}", parts.api.answer)
    app.router.add_get("/events/{job_id}", parts.events.answer, allow_head=False)
    app.router.add_routes(list(parts.files))
    app.router.add_get("/dock", dock.page)
    app.router.add_get("/dock/{path:.+}", dock.asset)
    app.add_subapp("/control", control_app(parts.control))
    app.router.add_get("/metrics", metrics.answer)
    app.router.add_get("/openapi.json", openapi)

    async def end_streams(_app: web.Application) -> None:
        parts.events.close()

    async def close_api(_app: web.Application) -> None:
        await parts.api.close()

    app.on_shutdown.append(end_streams)
    app.on_cleanup.append(close_api)
    return app


async def _sandbox_files(request: web.Request, answer: web.StreamResponse) -> None:
    """Strangers' files share an origin with the dock: none of them may run as a page of it."""
    if request.path.startswith("/files/"):
        answer.headers.setdefault("Content-Security-Policy", "default-src 'none'; sandbox")
