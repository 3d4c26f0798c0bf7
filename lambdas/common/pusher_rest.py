"""Publishes over Pusher Channels' HTTP API with the standard library alone.

The SDK weighs 7.5 MB with what it needs and takes numeric app ids only; one signed POST is all
that the Lambdas want. Source: https://pusher.com/docs/channels/library_auth_reference/rest-api/
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from jigdesk.domain.errors import PublishError
from jigdesk.ports import Message

TIMEOUT_S = 5.0
MAX_BATCH = 10
"""Events that Pusher takes in one request."""

_MAX_ANSWER_BYTES = 4096
_OK = 200


@dataclass(frozen=True, slots=True)
class PusherSettings:
    """An app at Pusher or at a server that speaks its protocol."""

    app_id: str
    key: str
    secret: str = field(repr=False)
    host: str
    port: int
    ssl: bool


class SilentPublisher:
    """Publishes nothing: no Pusher key is set, and browsers ask the jobs API instead."""

    def publish(self, batch: Sequence[Message]) -> None:
        """Drop the batch."""


class PusherRest:
    """Signed batches of at most 10 events. Thread-safe: a connection a call."""

    def __init__(
        self,
        settings: PusherSettings,
        *,
        timeout_s: float = TIMEOUT_S,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._seconds = seconds

    def publish(self, batch: Sequence[Message]) -> None:
        """Deliver the batch in order; raises PublishError."""
        for start in range(0, len(batch), MAX_BATCH):
            self._post(batch[start : start + MAX_BATCH])

    def _post(self, batch: Sequence[Message]) -> None:
        settings = self._settings
        body = json.dumps(
            {
                "batch": [
                    {
                        "channel": message.channel,
                        "name": message.event,
                        "data": json.dumps(
                            dict(message.data), ensure_ascii=False, separators=(",", ":")
                        ),
                    }
                    for message in batch
                ]
            },
            ensure_ascii=False,
        ).encode()
        path = f"/apps/{quote(settings.app_id, safe='')}/batch_events"
        target = f"{path}?{self._signed_query(path, body)}"
        connection = self._connection()
        try:
            connection.request("POST", target, body, {"content-type": "application/json"})
            with connection.getresponse() as response:  # its own hold on the socket ends too
                answer = response.read(_MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise PublishError(
                f"Pusher at {settings.host} did not answer: {type(error).__name__}: {error}"
            ) from error
        finally:
            connection.close()
        status = response.status if response.status != _OK else _status_within(answer)
        if status != _OK:
            raise PublishError(
                f"Pusher at {settings.host} answered {status}: "
                f"{answer[:200].decode('utf-8', 'replace')}"
            )

    def _signed_query(self, path: str, body: bytes) -> str:
        query = urlencode(  # the names must stand in alphabetical order
            {
                "auth_key": self._settings.key,
                "auth_timestamp": int(self._seconds()),
                "auth_version": "1.0",
                "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
            }
        )
        signature = hmac.new(
            self._settings.secret.encode(), f"POST\n{path}\n{query}".encode(), hashlib.sha256
        ).hexdigest()
        return f"{query}&auth_signature={signature}"

    def _connection(self) -> http.client.HTTPConnection:
        settings = self._settings
        if settings.ssl:
            return http.client.HTTPSConnection(
                settings.host,
                settings.port,
                timeout=self._timeout_s,
                context=ssl.create_default_context(),
            )
        return http.client.HTTPConnection(settings.host, settings.port, timeout=self._timeout_s)


def _status_within(answer: bytes) -> object:
    """The status in the body of a 200.

    WORKAROUND: soketi 1.6 answers 200 to everything and says the status in the body alone.
    """
    try:
        document = json.loads(answer)
    except (ValueError, RecursionError):  # Pusher's own answers are JSON, a proxy's may not be
        return _OK
    return document.get("code") if isinstance(document, dict) and "error" in document else _OK
