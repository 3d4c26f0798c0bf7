"""`/files/*`: the local object store over HTTP, by signed URL only.

The content is hostile: it came from browsers and from workflows. Nothing is shown as a page of
this origin, and only pictures, sound and film are shown at all.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from email.utils import format_datetime
from typing import BinaryIO
from urllib.parse import quote

from aiohttp import ClientError, hdrs, web

from jigdesk.adapters.http.byterange import parse_range
from jigdesk.adapters.http.line import Line
from jigdesk.adapters.store.disk import CHUNK_BYTES
from jigdesk.adapters.store.incoming import Incoming
from jigdesk.adapters.store.layout import FILE_PREFIX
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.metadata import is_shown
from jigdesk.adapters.store.signing import MAX_OPEN_BYTES, Grant
from jigdesk.domain.errors import (
    JigDeskError,
    ObjectNotFound,
    RequestError,
    StoreUnavailable,
)
from jigdesk.ports import ObjectInfo

IDLE_TIMEOUT_S = 60.0
"""How long a client may keep silent in the middle of a body."""

MAX_UPLOADS = 64
"""Bodies that may be on their way at once; the next ones stand in line."""

_IN_LINE, _IN_LINE_S = 1000, 30.0

_SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"
    ),
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def file_routes(store: LocalStore) -> list[web.RouteDef]:
    """The routes of the store's signed URLs: GET, HEAD, PUT, and OPTIONS without a signature."""
    files = _Files(store)
    path = FILE_PREFIX + r"{key:[\s\S]*}"  # a line break too: it is a changed URL, no other route
    return [
        web.get(path, _answering_errors(files.read), allow_head=False),
        web.head(path, _answering_errors(files.read)),
        web.put(path, _answering_errors(files.write)),
        web.options(path, _allow),
    ]


def _answering_errors(handler: _Handler) -> _Handler:
    @functools.wraps(handler)
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except JigDeskError as error:
            return _error_response(error)

    return answer


def _error_response(error: JigDeskError) -> web.Response:
    status, headers = 500, {}
    if isinstance(error, RequestError):
        status = error.status
        if error.retry_after_s is not None:
            headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, ObjectNotFound):
        status = 404
    elif isinstance(error, StoreUnavailable):
        status, headers = 503, {"Retry-After": "5"}
    return web.json_response({"error": error.to_dict()}, status=status, headers=headers)


async def _allow(_: web.Request) -> web.StreamResponse:
    """Answer a preflight; the listener adds what CORS wants to hear."""
    return web.Response(status=204, headers={hdrs.ALLOW: "GET, HEAD, PUT, OPTIONS"})


class _Files:
    def __init__(self, store: LocalStore) -> None:
        self._store = store
        self._line = Line(MAX_UPLOADS, _IN_LINE, _IN_LINE_S, retry_after_s=2)

    async def read(self, request: web.Request) -> web.StreamResponse:
        grant = self._store.signer.check(request.method, request.raw_path)
        file, info = await self._open(grant.key)
        try:
            return await _send(request, file, info)
        finally:
            file.close()  # at once: a reader that hangs up now must not leave it open

    async def write(self, request: web.Request) -> web.StreamResponse:
        grant = self._store.signer.check(request.method, request.raw_path)
        _check_announced(request, grant)
        async with self._line.turn():
            incoming = self._store.begin(request.content_length)
            try:
                await _receive(request, incoming)
                _check_received(request, incoming, grant)
                info = await asyncio.to_thread(
                    self._store.commit, incoming, grant.key, grant.content_type or ""
                )
            finally:
                await asyncio.shield(asyncio.to_thread(incoming.discard))
        return web.Response(headers={hdrs.ETAG: f'"{info.etag}"'})

    async def _open(self, key: str) -> tuple[BinaryIO, ObjectInfo]:
        opening = asyncio.ensure_future(asyncio.to_thread(self._store.open_object, key))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_opened)
            raise


def _close_opened(opening: asyncio.Future[tuple[BinaryIO, ObjectInfo]]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result()[0].close()


def _check_announced(request: web.Request, grant: Grant) -> None:
    """Refuse before a byte is read what the signature does not cover."""
    if request.content_length is None:
        raise RequestError(411, "length_required", "An upload says its Content-Length.")
    if grant.size_bytes is None and request.content_length > MAX_OPEN_BYTES:
        raise RequestError(413, "too_large", f"This URL takes up to {MAX_OPEN_BYTES} bytes.")
    if grant.size_bytes not in (None, request.content_length):
        raise RequestError(403, "wrong_length", f"This URL takes exactly {grant.size_bytes} bytes.")
    if request.headers.get(hdrs.CONTENT_TYPE) != grant.content_type:
        raise RequestError(403, "wrong_type", f"This URL takes {grant.content_type} only.")
    if hdrs.CONTENT_ENCODING in request.headers:
        raise RequestError(415, "encoded", "An upload is sent as it is, not compressed.")


async def _receive(request: web.Request, incoming: Incoming) -> None:
    buffer = bytearray()
    try:
        while True:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                chunk = await request.content.readany()
            buffer += chunk
            if len(buffer) >= CHUNK_BYTES or (buffer and not chunk):
                await asyncio.to_thread(incoming.write, bytes(buffer))
                buffer.clear()
            if not chunk:
                return
    except TimeoutError as error:
        raise RequestError(408, "timeout", "The upload stood still for too long.") from error
    except (ClientError, ConnectionError, web.RequestPayloadError) as error:
        raise RequestError(400, "incomplete", "The upload broke off.") from error


def _check_received(request: web.Request, incoming: Incoming, grant: Grant) -> None:
    if incoming.size_bytes != request.content_length:
        raise RequestError(400, "incomplete", "The upload broke off.")
    if grant.sha256 is not None and incoming.sha256 != grant.sha256:
        raise RequestError(400, "bad_checksum", "The upload's SHA-256 is not the one announced.")


async def _send(request: web.Request, file: BinaryIO, info: ObjectInfo) -> web.StreamResponse:
    etag = f'"{info.etag}"'
    headers = {
        **_SAFE_HEADERS,
        hdrs.ETAG: etag,
        hdrs.LAST_MODIFIED: format_datetime(info.last_modified, usegmt=True),
    }
    if _names(request.headers.get(hdrs.IF_NONE_MATCH, ""), etag):
        return web.Response(status=304, headers=headers)
    start, end = 0, info.size_bytes
    status = 200
    if request.headers.get(hdrs.IF_RANGE, etag) == etag:
        try:
            wanted = parse_range(request.headers.get(hdrs.RANGE), info.size_bytes)
        except RequestError as error:
            answer = _error_response(error)
            answer.headers[hdrs.CONTENT_RANGE] = f"bytes */{info.size_bytes}"
            return answer
        if wanted is not None:
            start, end = wanted
            status = 206
            headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{end - 1}/{info.size_bytes}"
    headers[hdrs.CONTENT_TYPE] = info.content_type
    headers[hdrs.CONTENT_DISPOSITION] = _disposition(info)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = end - start
    await response.prepare(request)
    if request.method != hdrs.METH_HEAD:
        await _stream(request, response, file, start, end)
    await response.write_eof()
    return response


async def _stream(
    request: web.Request, response: web.StreamResponse, file: BinaryIO, start: int, end: int
) -> None:
    await asyncio.to_thread(file.seek, start)
    left = end - start
    while left:
        chunk = await asyncio.to_thread(file.read, min(left, CHUNK_BYTES))
        if not chunk:
            raise ConnectionAbortedError("the file became shorter while it was sent")
        left -= len(chunk)
        try:
            async with asyncio.timeout(IDLE_TIMEOUT_S):
                await response.write(chunk)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()  # a close would wait for the reader to take the rest
            raise ConnectionResetError("the reader stalled") from None


def _names(if_none_match: str, etag: str) -> bool:
    """Whether an If-None-Match header names the ETag (weakly: for GET that is enough)."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or "*" in tags


def _disposition(info: ObjectInfo) -> str:
    """Show media, save everything else."""
    name = quote(info.key.rpartition("/")[2], safe="")
    return f"{'inline' if is_shown(info.content_type) else 'attachment'}; filename*=UTF-8''{name}"
