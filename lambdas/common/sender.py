"""Posts signed webhooks with the standard library's HTTP client."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from jigdesk.domain.signature import secret_key, sign
from lambdas.common.ports import Answer, WebhookUnreachable

TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024
_MAX_RETRY_AFTER_S = 3600
_DIGITS = 9
"""More than that is too long in any case, and Python reads no number of thousands of digits."""


class HttpWebhookSender:
    """One connection a webhook: a Lambda sends seldom, and a tunnel drops idle ones anyway.

    `timeout_s` bounds connecting and each wait for bytes. Raises ValueError at once for a
    secret that is not base64. Thread-safe.
    """

    def __init__(
        self,
        secret: str,
        *,
        timeout_s: float = TIMEOUT_S,
        seconds: Callable[[], float] = time.time,
    ) -> None:
        secret_key(secret)
        self._secret = secret
        self._timeout_s = timeout_s
        self._seconds = seconds

    def send(self, url: str, webhook_id: str, body: bytes) -> Answer:
        """Post `body` once, never following a redirect; raises WebhookUnreachable."""
        parts = urlsplit(url)
        headers = {
            "content-type": "application/json",
            "user-agent": "JigDesk-Lambda/1",
            # ngrok's free plan answers browsers with a page of its own unless this is there
            "ngrok-skip-browser-warning": "1",
            **sign(self._secret, webhook_id, int(self._seconds()), body),
        }
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        try:
            connection.request("POST", parts.path, body, headers)
            with connection.getresponse() as response:  # its own hold on the socket ends too
                answer = response.read(MAX_ANSWER_BYTES)
                retry_after_s = _retry_after(response.getheader("retry-after"))
        except (OSError, http.client.HTTPException) as error:
            raise WebhookUnreachable(
                f"{parts.netloc} did not answer: {type(error).__name__}: {error}"
            ) from error
        finally:
            connection.close()
        return Answer(response.status, answer, retry_after_s)

    def _connection(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "https":
            return http.client.HTTPSConnection(
                host, port, timeout=self._timeout_s, context=ssl.create_default_context()
            )
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)


def _retry_after(value: str | None) -> int | None:
    """Only the form in seconds: a desk sends no other."""
    digits = (value or "").strip()
    if not digits.isdecimal():
        return None
    return _MAX_RETRY_AFTER_S if len(digits) > _DIGITS else min(int(digits), _MAX_RETRY_AFTER_S)
