"""The job dock's page and files, and the metrics."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from jigdesk.domain.errors import RequestError
from jigdesk.domain.keys import is_safe_path

DOCK = "dock.html"
_MAX_PAGE_BYTES = 4 * 1024 * 1024

_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""What may be served; the types are ours, since a machine's own table may be odd."""

_INLINE = re.compile(rb"<script(?![^>]*\bsrc\b)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)


class Dock:
    """Serves `assets/dock.html` as `/dock` and the files beside it as `/dock/{path}`."""

    def __init__(self, assets: Path) -> None:
        self._assets = assets

    async def page(self, _request: web.Request) -> web.Response:
        """The page, with a policy that lets only its own scripts run."""
        body = await asyncio.to_thread(_read, self._assets, DOCK)
        return web.Response(
            body=body,
            content_type="text/html",
            charset="utf-8",
            headers={"Content-Security-Policy": page_policy(body), "Cache-Control": "no-cache"},
        )

    async def asset(self, request: web.Request) -> web.Response:
        """One file; 404 for what is not of a known type or lies outside of the folder."""
        path = request.match_info["path"]
        content_type = _TYPES.get(Path(path).suffix.lower())
        if content_type is None or not is_safe_path(path):
            raise _missing()
        body = await asyncio.to_thread(_read, self._assets, path)
        charset = "utf-8" if content_type.startswith("text/") else None
        return web.Response(
            body=body,
            content_type=content_type,
            charset=charset,
            headers={"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'"},
        )


class Metrics:
    """Serves a registry in Prometheus' text format."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def answer(self, _request: web.Request) -> web.Response:
        """The route `/metrics`; collectors run on the loop and must not block."""
        return web.Response(
            body=generate_latest(self._registry),
            headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4, "Cache-Control": "no-store"},
        )


def page_policy(body: bytes) -> str:
    """The Content-Security-Policy of a page: scripts of ours and the page's own inline ones.

    Pictures, uploads and events may come from a store, a CDN or Pusher, wherever those are.
    """
    hashes = "".join(
        f" 'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for script in _INLINE.findall(body)
    )
    return (
        f"default-src 'self'; script-src 'self'{hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob: http: https:; media-src 'self' blob: http: https:; "
        "connect-src 'self' http: https: ws: wss:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )


def _read(root: Path, path: str) -> bytes:
    file = root / path
    try:
        if not file.resolve().is_relative_to(root.resolve()) or not file.is_file():
            raise _missing()
        if file.stat().st_size > _MAX_PAGE_BYTES:
            raise _missing()
        return file.read_bytes()
    except OSError:
        raise _missing() from None


def _missing() -> RequestError:
    return RequestError(404, "not_found", "There is nothing here.")
