"""Who may talk to the local listener: Host and Origin are checked, so that no page of a
stranger's (by DNS rebinding or from its own origin) drives this desk through a browser here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Middleware

from jigdesk.adapters.http.errors import Handler
from jigdesk.domain.errors import RequestError

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
"""The hosts that are allowed by default, at any port."""

CROSS_ORIGIN_PREFIXES = ("/api/", "/files/", "/events/")
"""Where pages of `allowed_origins` may call; everything else is for our own pages."""

ALLOWED_METHODS = "GET, HEAD, POST, PUT, DELETE"
ALLOWED_HEADERS = (
    "authorization, content-type, content-disposition, cache-control, if-match, if-none-match, "
    "last-event-id, range, x-amz-checksum-sha256, x-amz-content-sha256, x-amz-date, x-client-id"
)
EXPOSED_HEADERS = "ETag, Content-Range, Content-Length, Retry-After"
PREFLIGHT_MAX_AGE_S = 600

CROSS_ORIGIN = web.RequestKey("cross_origin", str)
"""The trusted foreign origin of a request, for its CORS headers; unset for our own pages."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?")


class Guard:
    """The rules, apart from HTTP.

    `allowed_hosts` are names (`desk.lan`, any port) or `name:port`; `allowed_origins` are whole
    origins (`https://shop.example`).
    """

    def __init__(self, allowed_hosts: Iterable[str], allowed_origins: Iterable[str] = ()) -> None:
        self._hosts = frozenset(_bracketed(host.strip().lower()) for host in allowed_hosts)
        self._origins = frozenset(origin.strip().rstrip("/").lower() for origin in allowed_origins)

    def host_allowed(self, host: str) -> bool:
        """Whether a Host header names this desk."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        return found[1].lower() in self._hosts or host.lower() in self._hosts

    def origin_is_ours(self, origin: str, host: str) -> bool:
        """Whether the page came from this very listener (`host` has been checked)."""
        return origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")

    def origin_allowed(self, origin: str) -> bool:
        """Whether a foreign page is on the list; `null` never is."""
        return origin != "null" and origin.lower() in self._origins

    @property
    def middleware(self) -> Middleware:
        """Refuse a wrong Host with 421, a foreign Origin with 403, and answer preflights."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            hosts = request.headers.getall("Host", [])
            if len(hosts) != 1 or not self.host_allowed(hosts[0]):
                raise RequestError(
                    421,
                    "host_not_allowed",
                    "This desk does not answer for that host: add it to server.allowed_hosts.",
                )
            origins = request.headers.getall("Origin", [])
            if not origins:
                return await handler(request)
            origin = origins[0]
            if len(origins) == 1 and self.origin_is_ours(origin, hosts[0]):
                return await handler(request)
            crossable = request.path.startswith(CROSS_ORIGIN_PREFIXES)
            if len(origins) == 1 and crossable and self.origin_allowed(origin):
                request[CROSS_ORIGIN] = origin
                if request.method == "OPTIONS":
                    return _preflight(request)
                return await handler(request)
            if request.method not in _SAFE or not _harmless(request):
                raise RequestError(
                    403,
                    "origin_not_allowed",
                    "Pages of that origin may not do this: see server.allowed_origins.",
                )
            return await handler(request)

        return check


async def add_cors(request: web.Request, answer: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: let a trusted foreign page read the answer."""
    if request.path.startswith(CROSS_ORIGIN_PREFIXES):
        answer.headers.add("Vary", "Origin")
    origin = request.get(CROSS_ORIGIN)
    if origin is not None:
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def _harmless(request: web.Request) -> bool:
    """A read that a browser keeps from the foreign page anyway, for lack of CORS headers."""
    return request.method != "OPTIONS" and request.path.startswith(
        (*CROSS_ORIGIN_PREFIXES, "/dock")
    )


def _preflight(request: web.Request) -> web.Response:
    headers = {
        "Access-Control-Allow-Methods": ALLOWED_METHODS,
        "Access-Control-Allow-Headers": ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE_S),
    }
    if request.headers.get("Access-Control-Request-Private-Network") == "true":
        headers["Access-Control-Allow-Private-Network"] = "true"
    return web.Response(status=204, headers=headers)


def _bracketed(host: str) -> str:
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host
