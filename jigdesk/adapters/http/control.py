"""The control API: what the owner sees and does, behind a bearer token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware

from jigdesk.adapters.http.body import parse_json, read_body
from jigdesk.adapters.http.errors import Handler, answer_for, json_answer
from jigdesk.adapters.http.finishing import Finishing
from jigdesk.adapters.http.job_view import health_view, job_detail, job_row, request_view
from jigdesk.adapters.http.query import (
    MAX_CURSOR_LENGTH,
    bad_parameter,
    read_integer,
    read_limit,
    read_query,
    read_states,
    read_text,
)
from jigdesk.adapters.http.replay import Replayer
from jigdesk.adapters.http.request_log import RequestLog
from jigdesk.domain.changes import JobQuery
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import Event
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.job import Job
from jigdesk.domain.webhooks import MAX_BODY_BYTES
from jigdesk.ports import Control, Journal

MAX_EVENTS = 5_000
MAX_PID, MAX_PORT = 2**31 - 1, 65_535
MAX_REASON_LENGTH = 500
DEFAULT_WINDOW_S, MAX_WINDOW_S = 60, 900
_PAGE = 1_000
_ACTION_BODY_BYTES = 64 * 1024
# An edited body travels inside of a JSON text, where one byte may take six.
_REPLAY_BODY_BYTES = 6 * MAX_BODY_BYTES + 1024
_BODY_TIMEOUT_S = 10.0

ManifestReader = Callable[[Job], Awaitable[Mapping[str, Any] | None]]
"""Reads a job's request.json as it was uploaded; None when there is none (any more)."""


@dataclass(frozen=True, slots=True)
class ControlParts:
    """What the control API shows and moves."""

    journal: Journal
    control: Control
    read_request: ManifestReader
    log: RequestLog
    replayer: Replayer
    token: Callable[[], str]
    workflows: Callable[[], Sequence[Mapping[str, Any]]]


def control_app(parts: ControlParts) -> web.Application:
    """Build the application to mount at `/control`; every path in it wants the token."""
    api, finishing = _Control(parts), Finishing()
    app = web.Application(middlewares=[_wants_token(parts.token), finishing.middleware])
    app.on_cleanup.append(finishing.close)
    app.router.add_get("/jobs", api.jobs)
    app.router.add_get("/jobs/{job_id}", api.job)
    for action in (api.retry, api.cancel, api.prioritise):
        app.router.add_post(f"/jobs/{{job_id}}/{action.__name__}", action)
    app.router.add_get("/queue", api.queue)
    for step in (api.pause, api.resume, api.drain):
        app.router.add_post(f"/queue/{step.__name__}", step)
    app.router.add_get("/workflows", api.workflows)
    app.router.add_get("/health", api.health)
    app.router.add_get("/resources", api.resources)
    app.router.add_get("/comfyui", api.comfyui)
    for engine in (api.start, api.stop, api.restart, api.free, api.attach, api.move):
        app.router.add_post(f"/comfyui/{engine.__name__}", engine)
    app.router.add_post("/comfyui/end-owner", api.end_owner)
    app.router.add_get("/requests", api.requests)
    app.router.add_post("/requests/{request_id}/replay", api.replay)
    return app


def _wants_token(token: Callable[[], str]) -> Middleware:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        expected = token().encode()
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode(errors="surrogateescape"), expected
        ):
            refusal = RequestError(
                401, "unauthorised", "This needs the token of the state directory's control.token."
            )
            return answer_for(refusal, {"WWW-Authenticate": 'Bearer realm="jigdesk"'})
        answer = await handler(request)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    return check


class _Control:
    def __init__(self, parts: ControlParts) -> None:
        self._journal = parts.journal
        self._control = parts.control
        self._read_request = parts.read_request
        self._log = parts.log
        self._replayer = parts.replayer
        self._workflows = parts.workflows

    # --- jobs

    async def jobs(self, request: web.Request) -> web.Response:
        query = read_query(request, ("state", "q", "limit", "cursor"))
        wanted = JobQuery(
            states=read_states(query),
            text=read_text(query, "q") or "",
            limit=read_limit(query),
            cursor=read_text(query, "cursor", MAX_CURSOR_LENGTH) or None,
        )
        page = await self._journal.page(wanted)
        return _items([job_row(job) for job in page.jobs], page.next_cursor)

    async def job(self, request: web.Request) -> web.Response:
        read_query(request, ())
        job = await self._journal.job(_job_id(request))
        if job is None:
            raise _no_job()
        events, truncated = await self._events(job.job_id)
        return json_answer(
            job_detail(
                job,
                events=events,
                events_truncated=truncated,
                attempts=await self._journal.attempts(job.job_id),
                runs=await self._journal.stage_runs(job.job_id),
                plan=await self._journal.plan(job.job_id),
                request=_writable(await self._read_request(job)),
            )
        )

    async def retry(self, request: web.Request) -> web.Response:
        return await self._move(request, self._control.retry)

    async def cancel(self, request: web.Request) -> web.Response:
        return await self._move(request, self._control.cancel)

    async def prioritise(self, request: web.Request) -> web.Response:
        return await self._move(request, self._control.prioritise)

    async def _move(
        self, request: web.Request, move: Callable[[str], Awaitable[Job]]
    ) -> web.Response:
        read_query(request, ())
        return json_answer(job_row(await move(_job_id(request))), 202)

    async def _events(self, job_id: str) -> tuple[list[Event], bool]:
        found: list[Event] = []
        while True:
            page = await self._journal.events(job_id, found[-1].seq if found else 0, _PAGE)
            found.extend(page)
            if len(page) < _PAGE:
                return found, False
            if len(found) >= MAX_EVENTS:
                return found, True

    # --- queue, engine, health

    async def queue(self, request: web.Request) -> web.Response:
        read_query(request, ())
        return json_answer(dict(await self._control.queue()))

    async def pause(self, request: web.Request) -> web.Response:
        read_query(request, ())
        data = await _json_object(request, _ACTION_BODY_BYTES)
        reason = data.get("reason", "Paused by the owner.")
        if not isinstance(reason, str) or not 0 < len(reason) <= MAX_REASON_LENGTH:
            raise bad_parameter("reason", f"A reason is 1 to {MAX_REASON_LENGTH} characters.")
        await self._control.pause(reason)
        return json_answer(dict(await self._control.queue()))

    async def resume(self, request: web.Request) -> web.Response:
        read_query(request, ())
        await self._control.resume()
        return json_answer(dict(await self._control.queue()))

    async def drain(self, request: web.Request) -> web.Response:
        read_query(request, ())
        await self._control.drain()
        return json_answer(dict(await self._control.queue()))

    async def workflows(self, request: web.Request) -> web.Response:
        read_query(request, ())
        return _items([dict(workflow) for workflow in self._workflows()], None)

    async def health(self, request: web.Request) -> web.Response:
        read_query(request, ())
        return json_answer(health_view(await self._control.health()))

    async def resources(self, request: web.Request) -> web.Response:
        query = read_query(request, ("seconds",))
        seconds = read_integer(query, "seconds", DEFAULT_WINDOW_S, 1, MAX_WINDOW_S)
        samples = self._control.resources(seconds)
        return _items([dict(sample.to_dict()) for sample in samples], None)

    async def comfyui(self, request: web.Request) -> web.Response:
        read_query(request, ())
        return json_answer(dict(self._control.engine_state()))

    async def start(self, request: web.Request) -> web.Response:
        return await self._engine(request, "start")

    async def stop(self, request: web.Request) -> web.Response:
        return await self._engine(request, "stop")

    async def restart(self, request: web.Request) -> web.Response:
        return await self._engine(request, "restart")

    async def free(self, request: web.Request) -> web.Response:
        return await self._engine(request, "free")

    async def attach(self, request: web.Request) -> web.Response:
        return await self._engine(request, "attach")

    async def end_owner(self, request: web.Request) -> web.Response:
        pid = _number(request, "pid", MAX_PID)
        return json_answer(dict(await self._control.engine("end-owner", pid)), 202)

    async def move(self, request: web.Request) -> web.Response:
        port = _number(request, "port", MAX_PORT)
        return json_answer(dict(await self._control.engine("move", port)), 202)

    async def _engine(self, request: web.Request, action: str) -> web.Response:
        read_query(request, ())
        return json_answer(dict(await self._control.engine(action)), 202)

    # --- requests

    async def requests(self, request: web.Request) -> web.Response:
        query = read_query(request, ("limit", "cursor"))
        cursor = read_text(query, "cursor", MAX_CURSOR_LENGTH) or None
        try:
            entries, following = self._log.page(read_limit(query), cursor)
        except ValueError:
            raise bad_parameter("cursor", "That cursor was not given out by this list.") from None
        return _items([request_view(entry) for entry in entries], following)

    async def replay(self, request: web.Request) -> web.Response:
        read_query(request, ())
        data = await _json_object(request, _REPLAY_BODY_BYTES)
        body = data.get("body")
        if body is not None and not isinstance(body, str):
            raise bad_parameter("body", "body is the text to send in place of the logged one.")
        edited = None if body is None else body.encode()
        if edited is not None and len(edited) > MAX_BODY_BYTES:
            raise bad_parameter("body", f"A webhook's body has at most {MAX_BODY_BYTES} bytes.")
        done = await self._replayer.replay(request.match_info["request_id"], edited)
        return json_answer(
            {"webhook_id": done.webhook_id, "status": done.status, "answer": done.answer}, 202
        )


def _number(request: web.Request, name: str, highest: int) -> int:
    """A number that has to be given, from 1 to `highest`."""
    number = read_integer(read_query(request, (name,)), name, 0, 0, highest)
    if number == 0:
        raise bad_parameter(name, f"{name} is a number from 1 to {highest}.")
    return number


def _job_id(request: web.Request) -> str:
    job_id = request.match_info["job_id"]
    if not is_job_id(job_id):
        raise _no_job()
    return job_id


def _writable(document: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A browser's document, or None for one that cannot be written as JSON (NaN, too deep)."""
    try:
        json.dumps(document, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return document


def _no_job() -> RequestError:
    return RequestError(404, "not_found", "This desk knows no such job.")


def _items(items: list[dict[str, Any]], next_cursor: str | None) -> web.Response:
    return json_answer({"items": items, "next_cursor": next_cursor})


async def _json_object(request: web.Request, max_bytes: int) -> dict[str, Any]:
    """The body as a JSON object; no body is an empty one, unknown fields are ignored."""
    body = await read_body(request, max_bytes, _BODY_TIMEOUT_S)
    if not body.strip():
        return {}
    try:
        data = parse_json(body)
    except ValueError as error:
        raise RequestError(400, "bad_request", str(error)) from None
    if not isinstance(data, dict):
        raise RequestError(400, "bad_request", "The body must be a JSON object.")
    return data
