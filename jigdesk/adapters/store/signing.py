"""Signed URLs of the local store: a request that may be made without credentials.

A URL is `{base}/files/{key}?token={claims}.{signature}`. The signature covers the method, the
path exactly as it is sent and the claims, so that no byte of the URL can be changed.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from jigdesk.adapters.store.disk import place_new
from jigdesk.adapters.store.layout import FILE_PREFIX
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import RequestError, SetupError

SECRET_BYTES = 32
MAX_TARGET_BYTES = 8192
MAX_OPEN_BYTES = 1 << 20
"""What a PUT whose length was left open may send: as much as a manifest may have."""

_LITERAL = "/!$&'()*,:;=@"
"""Characters of a path that clients leave alone, escaped or not escaped: some unescape the rest."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a URL allows: one method on one key until `expires_at` (seconds since 1970).

    For PUT also the content type, the exact length (None: any up to `MAX_OPEN_BYTES`) and the
    SHA-256 (hex; None: any).
    """

    method: Literal["GET", "PUT"]
    key: str
    expires_at: int
    size_bytes: int | None = None
    content_type: str | None = None
    sha256: str | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """What the request must carry beside its length."""
        headers = {} if self.content_type is None else {"Content-Type": self.content_type}
        if self.sha256 is not None:
            headers["x-amz-checksum-sha256"] = base64.b64encode(bytes.fromhex(self.sha256)).decode()
        return headers


class UrlSigner:
    """Signs and checks URLs with one secret. Thread-safe."""

    def __init__(self, secret: bytes, clock: Clock = utc_now) -> None:
        if len(secret) < SECRET_BYTES:
            raise SetupError(f"A signing secret has at least {SECRET_BYTES} bytes.")
        self._secret = secret
        self._clock = clock

    def url(self, base_url: str, grant: Grant) -> str:
        """The absolute URL that allows what `grant` says; `base_url` has no path."""
        path = FILE_PREFIX + quote(grant.key, safe=_LITERAL)
        claims = [grant.expires_at, grant.size_bytes, grant.content_type, grant.sha256]
        payload = _encode(json.dumps(claims, separators=(",", ":")).encode())
        signature = self._sign(grant.method, path, payload)
        return f"{base_url.rstrip('/')}{path}?token={payload}.{signature}"

    def check(self, method: str, target: str) -> Grant:
        """What the URL allows; `target` is path and query as they came in the request line.

        HEAD needs what GET needs. Raises RequestError(403) for anything that was not signed
        here, byte for byte, or has expired.
        """
        signed_method: Literal["GET", "PUT"] = "PUT" if method == "PUT" else "GET"
        path, _, query = target.partition("?")
        name, _, token = query.partition("=")
        payload, _, signature = token.partition(".")
        if len(target) > MAX_TARGET_BYTES or name != "token" or not path.startswith(FILE_PREFIX):
            raise _refused()
        expected = self._sign(signed_method, path, payload)
        if not hmac.compare_digest(expected.encode(), signature.encode(errors="replace")):
            raise _refused()
        expires_at, size_bytes, content_type, sha256 = json.loads(_decode(payload))
        if self._clock().timestamp() >= expires_at:
            raise RequestError(403, "url_expired", "This URL has expired: ask for a new one.")
        key = unquote(path.removeprefix(FILE_PREFIX))
        return Grant(signed_method, key, expires_at, size_bytes, content_type, sha256)

    def _sign(self, method: str, path: str, payload: str) -> str:
        message = f"{method}\n{path}\n{payload}".encode(errors="surrogatepass")
        return _encode(hmac.digest(self._secret, message, hashlib.sha256))


def open_secret(path: Path) -> bytes:
    """The secret kept in `path` (mode 0600), drawn at random the first time.

    Two processes that start at once get the same one. Raises SetupError when it is damaged.
    """
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        text = _draw_secret(path)
    except (OSError, ValueError) as error:
        raise SetupError(f"Cannot read the signing secret {str(path)!r}: {error}") from error
    if os.name != "nt":
        path.chmod(0o600)
    try:
        secret = bytes.fromhex(text.strip())
    except ValueError:
        secret = b""
    if len(secret) < SECRET_BYTES:
        raise SetupError(
            f"The signing secret {str(path)!r} is damaged. Delete it: a new one is drawn, and "
            "only URLs that were handed out before stop working."
        )
    return secret


def _draw_secret(path: Path) -> str:
    text = secrets.token_hex(SECRET_BYTES)
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            place_new(part, path)
        except FileExistsError:
            part.unlink()
            return path.read_text(encoding="ascii")
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise SetupError(f"Cannot keep a signing secret in {str(path)!r}: {error}") from error
    return text


def _refused() -> RequestError:
    return RequestError(403, "bad_signature", "This URL was not signed here, or was changed.")


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
