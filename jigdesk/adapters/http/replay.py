"""Sending a logged webhook again: signed afresh, under a new id, over the real way in."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import aiohttp

from jigdesk.adapters.http.public import WEBHOOK_ROUTES
from jigdesk.adapters.http.request_log import LoggedRequest, RequestLog
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import RequestError
from jigdesk.domain.signature import sign

_TIMEOUT_S = 15.0
_MAX_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the public listener answered (`status`, `answer` as text) to the new webhook."""

    webhook_id: str
    status: int
    answer: str


class Replayer:
    """Sends logged webhooks again to the public listener of this desk."""

    def __init__(
        self,
        log: RequestLog,
        secrets: Callable[[], Sequence[str]],
        public_url: Callable[[], str | None],
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._log = log
        self._secrets = secrets
        self._public_url = public_url
        self._clock = clock

    @staticmethod
    def why_not(entry: LoggedRequest, body: bytes | None = None) -> str:
        """Why a request cannot be sent again (with `body`, unless None); empty when it can."""
        if entry.method != "POST" or entry.path.partition("?")[0] not in WEBHOOK_ROUTES:
            return "Only webhooks can be sent again."
        if body is None and entry.body_cut:
            return "The body was not kept whole; give one to send."
        return ""

    async def replay(self, request_id: str, body: bytes | None = None) -> Replayed:
        """Send request `request_id` again, with `body` in place of its own unless None.

        Raises RequestError: 404 for an unknown request, 409 for one that is no webhook or whose
        body was not kept whole, 503 when the listener does not answer.
        """
        entry = self._log.get(request_id)
        if entry is None:
            raise RequestError(404, "not_found", "That request is not in the log (any more).")
        if refusal := self.why_not(entry, body):
            raise RequestError(409, "not_replayable", refusal)
        path = entry.path.partition("?")[0]
        base = self._public_url()
        if base is None:
            raise RequestError(503, "unavailable", "The public listener is not up.")
        whole = entry.body if body is None else body
        webhook_id = f"replay_{uuid.uuid4().hex}"
        stamp = int(self._clock().timestamp())
        headers = sign(self._secrets()[0], webhook_id, stamp, whole)
        headers["Content-Type"] = "application/json"
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.post(base.rstrip("/") + path, data=whole, headers=headers) as answer,
            ):
                text = await answer.content.read(_MAX_ANSWER_BYTES)
                return Replayed(webhook_id, answer.status, text.decode(errors="replace"))
        except (aiohttp.ClientError, TimeoutError):
            raise RequestError(
                503, "unavailable", "The public listener did not answer the replay."
            ) from None
