"""The public listener: the only thing that the tunnel exposes."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web
from aiohttp.typedefs import Middleware

from jigdesk.adapters.http.body import READ, parse_json, read_body, source_address
from jigdesk.adapters.http.errors import (
    REFUSAL,
    Handler,
    json_answer,
    json_errors,
    note_start,
)
from jigdesk.adapters.http.line import Line
from jigdesk.adapters.http.request_log import RequestLog
from jigdesk.adapters.http.server import Unserved
from jigdesk.adapters.http.signature import check_webhook_id, prove_signature
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import RequestError, SetupError
from jigdesk.domain.webhooks import (
    MAX_BODY_BYTES,
    JobCommand,
    JobCreated,
    Webhook,
    parse_webhook,
)
from jigdesk.ports import Intake, Receipt

WEBHOOK_ROUTES = {
    "/webhooks/job-created": "JobCreated",
    "/webhooks/job-output": "JobOutput",
    "/webhooks/job-command": "JobCommand",
}
"""Route → the type that it takes."""

_NONCE = re.compile(r"[A-Za-z0-9_-]{16,64}")
_CLIENT_WENT_AWAY = 499
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublicLimits:
    """What one sender, and all of them together, may take."""

    body_bytes: int = MAX_BODY_BYTES
    body_timeout_s: float = 10.0
    concurrent: int = 64
    waiting: int = 1000
    wait_s: float = 5.0


def health_proof(run_key: bytes, nonce: str) -> str:
    """What `/healthz?nonce=` answers: only this run of the desk can say it."""
    return hmac.new(run_key, nonce.encode(), hashlib.sha256).hexdigest()


def public_app(
    intake: Intake,
    secrets: Callable[[], Sequence[str]],
    log: RequestLog,
    run_key: bytes,
    *,
    clock: Clock = utc_now,
    limits: PublicLimits | None = None,
) -> web.Application:
    """Build the public listener.

    `secrets` returns the webhook secrets that count now, the current one first; `run_key` is
    random for each run and never the webhook secret.
    """
    limits = limits or PublicLimits()
    routes = _Public(intake, secrets, run_key, clock, limits)
    app = web.Application(
        middlewares=[_logging_to(log, clock), json_errors], client_max_size=limits.body_bytes
    )
    app.on_response_prepare.append(note_start)
    for path in WEBHOOK_ROUTES:
        app.router.add_post(path, routes.webhook)
    app.router.add_get("/healthz", routes.healthz)
    app.router.add_get("/readyz", routes.readyz)
    # Anything else is a 404, a known path with another method too.
    app.router.add_route("*", "/{anything:.*}", _nothing_here)
    return app


class _Public:
    def __init__(
        self,
        intake: Intake,
        secrets: Callable[[], Sequence[str]],
        run_key: bytes,
        clock: Clock,
        limits: PublicLimits,
    ) -> None:
        self._intake = intake
        self._secrets = secrets
        self._run_key = run_key
        self._clock = clock
        self._limits = limits
        self._line = Line(limits.concurrent, limits.waiting, limits.wait_s, retry_after_s=1)

    async def webhook(self, request: web.Request) -> web.Response:
        async with self._line.turn():
            body = await read_body(request, self._limits.body_bytes, self._limits.body_timeout_s)
            webhook_id = prove_signature(request.headers, body, self._secrets(), self._clock())
            check_webhook_id(webhook_id)
            try:
                data = parse_json(body)
            except ValueError as error:
                raise RequestError(422, "invalid_webhook", str(error)) from None
            webhook = parse_webhook(data, WEBHOOK_ROUTES[request.path])
            receipt = await self._take(webhook_id, webhook)
        return json_answer(
            {
                "job_id": receipt.job_id,
                "status": receipt.status.value,
                "duplicate": receipt.duplicate,
            },
            200 if receipt.duplicate else 202,
        )

    async def _take(self, webhook_id: str, webhook: Webhook) -> Receipt:
        try:
            return await self._hand_on(webhook_id, webhook)
        except SetupError as wrong:  # of this desk, as a damaged journal is: others may take it
            _log.error("a webhook was sent away: %s", wrong.message)
            message = "This desk can take nothing until its owner has mended it."
            raise RequestError(503, "unavailable", message) from wrong

    async def _hand_on(self, webhook_id: str, webhook: Webhook) -> Receipt:
        if isinstance(webhook, JobCreated):
            return await self._intake.job_created(webhook_id, webhook)
        if isinstance(webhook, JobCommand):
            return await self._intake.job_command(webhook_id, webhook)
        return await self._intake.job_output(webhook_id, webhook)

    async def healthz(self, request: web.Request) -> web.Response:
        nonces = request.query.getall("nonce", [])
        if not nonces:
            return json_answer({"status": "ok"})
        if len(nonces) > 1 or _NONCE.fullmatch(nonces[0]) is None:
            raise RequestError(
                400, "bad_request", "nonce is 16 to 64 of A-Z, a-z, 0-9, _ and -.", field="nonce"
            )
        return json_answer({"status": "ok", "proof": health_proof(self._run_key, nonces[0])})

    async def readyz(self, request: web.Request) -> web.Response:
        reasons = list(self._intake.refusals())
        if not reasons:
            return json_answer({"status": "ready"})
        request[REFUSAL] = RequestError(503, "not_ready", " ".join(reasons))
        answer = json_answer(
            {"error": {"code": "not_ready", "message": " ".join(reasons)}, "reasons": reasons}, 503
        )
        answer.headers["Retry-After"] = "10"
        return answer


async def _nothing_here(_request: web.Request) -> NoReturn:
    raise RequestError(404, "not_found", "There is nothing here.")


def _logging_to(log: RequestLog, clock: Clock) -> Middleware:
    @web.middleware
    async def keep(request: web.Request, handler: Handler) -> web.StreamResponse:
        at, begun = clock(), time.monotonic()

        def note(status: int, answer: str) -> None:
            refusal = request.get(REFUSAL)
            body, size_bytes = _received(request)
            log.add(
                at=at,
                method=request.method,
                path=request.path_qs,
                status=status,
                verdict=_verdict(status, request.path),
                reason="" if refusal is None else refusal.message,
                latency_s=time.monotonic() - begun,
                source=source_address(request),
                headers=request.headers.items(),
                body=body,
                size_bytes=size_bytes,
                answer=answer,
            )

        try:
            answer = await handler(request)
        except ConnectionError:
            note(_CLIENT_WENT_AWAY, "")
            raise
        body = answer.body if isinstance(answer, web.Response) else None
        note(answer.status, body.decode() if isinstance(body, bytes) else "")
        return answer

    return keep


def log_unserved(log: RequestLog, clock: Clock = utc_now) -> Callable[[Unserved], None]:
    """Keep what reached the public listener and no route, as far as it is known."""

    def keep(met: Unserved) -> None:
        log.add(
            at=clock(),
            method=met.method or "-",
            path=met.path or "-",
            status=met.status,
            verdict=_verdict(met.status, ""),
            reason=met.reason,
            latency_s=0.0,  # it was refused as it came
            source=met.peer,
            headers=(),
            body=b"",
            answer=met.answer,
        )

    return keep


def _received(request: web.Request) -> tuple[bytes, int | None]:
    """What came of the body, and what is known of its size when that is not all of it."""
    read = request.get(READ)
    if read is None:
        return b"", (request.content_length or 0) if request.body_exists else None
    if read.is_whole:
        return read.body, None
    return read.body, max(len(read.body), request.content_length or 0)


def _verdict(status: int, path: str) -> str:
    if status == 202:  # noqa: PLR2004
        return "accepted"
    if status < 300:  # noqa: PLR2004
        return "duplicate" if path in WEBHOOK_ROUTES else "ok"
    if status == 503:  # noqa: PLR2004
        return "unavailable"
    return "failed" if status >= 500 else "refused"  # noqa: PLR2004
