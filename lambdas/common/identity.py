"""Who a Supabase JWT speaks for."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt

from jigdesk.domain.errors import RequestError
from jigdesk.domain.ids import is_user_id

AUDIENCE = "authenticated"
MAX_TOKEN = 8192
_SHARED = "HS256"
_ASYMMETRIC = ("ES256", "RS256")
_MAX_JWKS_BYTES = 64 * 1024
_JWKS_TIMEOUT_S = 5.0
_JWKS_TTL_S = 600.0
_JWKS_RETRY_S = 30.0
_OK = 200


class SupabaseIdentity:
    """Verifies tokens with the shared secret (HS256) or the project's published keys.

    The algorithm is pinned to the kind of key: a token that says HS256 is only ever held
    against the secret, and none against nothing. Thread-safe. Published keys are kept for ten
    minutes, and longer while they cannot be had; an unknown key id asks for them again, at most
    twice a minute.
    """

    def __init__(
        self,
        *,
        jwt_secret: str | None = None,
        supabase_url: str | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = jwt_secret or None
        self._jwks_url = (
            f"{supabase_url.rstrip('/')}/auth/v1/.well-known/jwks.json" if supabase_url else None
        )
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None

    def user_id(self, token: str) -> str:
        """The verified user's id; raises RequestError(401), or 503 when keys cannot be had."""
        if self._secret is None and self._jwks_url is None:
            raise _refused("Signing in is not set up on this host.")
        if len(token) > MAX_TOKEN:
            raise _refused("The token is too long.")
        try:
            header = jwt.get_unverified_header(token)
            key, algorithm = self._key(header.get("alg"), header.get("kid"))
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=AUDIENCE,
                # iat proves nothing, and refusing it would refuse whoever's clock is ahead
                options={"require": ["exp", "sub", "aud"], "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise _refused("The token has expired; sign in again.") from error
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _refused("The token is not valid.") from error
        user_id = claims["sub"]
        if not is_user_id(user_id):
            raise _refused("The token names no usable user.")
        return str(user_id)

    def _key(self, algorithm: object, key_id: object) -> tuple[Any, str]:
        if algorithm == _SHARED and self._secret is not None:
            return self._secret, _SHARED
        if algorithm in _ASYMMETRIC and self._jwks_url is not None:
            key = self._published(str(key_id))
            if key.algorithm_name == algorithm:
                return key.key, key.algorithm_name
        raise _refused("The token is signed in a way that this host does not take.")

    def _published(self, key_id: str) -> jwt.PyJWK:
        with self._lock:
            now = self._monotonic()
            old = self._fetched_at is None or now - self._fetched_at > _JWKS_TTL_S
            rested = self._asked_at is None or now - self._asked_at > _JWKS_RETRY_S
            if (old or key_id not in self._keys) and rested:
                self._asked_at = now
                try:
                    self._keys = self._fetch()
                    self._fetched_at = now
                except RequestError:
                    if key_id not in self._keys:
                        raise  # the others go on with what is known
            key = self._keys.get(key_id)
            if self._fetched_at is None:  # asked a moment ago, in vain
                raise _no_keys()
        if key is None:
            raise _refused("The token is signed with a key that is not published.")
        return key

    def _fetch(self) -> Mapping[str, jwt.PyJWK]:
        parts = urlsplit(self._jwks_url or "")
        host, port = parts.hostname or "", parts.port
        connection = (
            http.client.HTTPConnection(host, port, timeout=_JWKS_TIMEOUT_S)
            if parts.scheme == "http"
            else http.client.HTTPSConnection(
                host, port, timeout=_JWKS_TIMEOUT_S, context=ssl.create_default_context()
            )
        )
        try:
            connection.request("GET", parts.path)
            with connection.getresponse() as response:  # its own hold on the socket ends too
                body = response.read(_MAX_JWKS_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise _no_keys() from error
        finally:
            connection.close()
        if response.status != _OK or len(body) > _MAX_JWKS_BYTES:
            raise _no_keys()
        try:
            listed = json.loads(body)["keys"]
            return dict(_usable(listed))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _no_keys() from error


def _usable(listed: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, jwt.PyJWK]]:
    """The keys of a kind that is taken; others beside them are no reason to refuse these."""
    for item in listed:
        try:
            key = jwt.PyJWK.from_dict(dict(item))
        except jwt.PyJWTError:
            continue
        if key.key_id is not None and key.algorithm_name in _ASYMMETRIC:
            yield key.key_id, key


def _refused(message: str) -> RequestError:
    return RequestError(401, "unauthorized", message)


def _no_keys() -> RequestError:
    return RequestError(
        503, "identity_unavailable", "Signing in cannot be checked now.", retry_after_s=30
    )
