"""The jobs API on the local listener: the Lambda's own logic, run in a bounded thread pool."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web

from jigdesk.adapters.http.body import read_body, source_address
from jigdesk.adapters.http.line import Line
from jigdesk.domain.errors import RequestError

MAX_BODY_BYTES = 2 * 1024 * 1024
_BODY_TIMEOUT_S = 30.0
_IN_LINE_S = 10.0

_OURS = frozenset({"content-length", "transfer-encoding", "connection", "server", "set-cookie"})


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request without its framework.

    `path` is decoded and without the query, header names are lower case, `source` is the
    caller's address.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    source: str


class ApiResponse(Protocol):
    """What the logic answers."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, the Content-Type among them."""

    @property
    def body(self) -> bytes:
        """The body."""


class JobsApiBridge:
    """Runs `handle` (which blocks, and is thread-safe) in at most `threads` threads.

    At most `waiting` requests are under way or wait for a thread, and `in_line` more wait before
    their bodies are read. One that takes longer than `timeout_s` is answered 503 (its
    thread ends by itself and counts until then), as is one that finds every thread stuck.
    """

    def __init__(
        self,
        handle: Callable[[ApiRequest], ApiResponse],
        *,
        threads: int = 8,
        waiting: int = 64,
        in_line: int = 1000,
        timeout_s: float = 30.0,
    ) -> None:
        self._handle = handle
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="jobs-api")
        self._free = waiting
        self._line = Line(waiting, in_line, _IN_LINE_S, retry_after_s=1)
        self._timeout_s = timeout_s

    async def answer(self, request: web.Request) -> web.Response:
        """The route `/api/*`."""
        async with self._line.turn():
            return await self._answer(request)

    async def _answer(self, request: web.Request) -> web.Response:
        if self._free <= 0:
            raise RequestError(503, "busy", "Too many requests at once.", retry_after_s=1)
        loop = asyncio.get_running_loop()
        self._free -= 1
        running: Future[ApiResponse] | None = None
        try:
            call = ApiRequest(
                method=request.method,
                path=request.path,
                query=single_values(request),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await read_body(request, MAX_BODY_BYTES, _BODY_TIMEOUT_S),
                source=source_address(request),
            )
            running = self._pool.submit(self._handle, call)
            async with asyncio.timeout(self._timeout_s):
                done = await asyncio.wrap_future(running)
        except TimeoutError:
            raise RequestError(503, "unavailable", "The jobs API took too long.") from None
        finally:
            if running is None or running.done():
                self._free += 1
            else:  # still in its thread: the place is free when that ends
                running.add_done_callback(lambda _: _release_on(loop, self._release))
        headers = {n: v for n, v in done.headers.items() if n.lower() not in _OURS}
        headers.setdefault("Cache-Control", "no-store")
        return web.Response(status=done.status, headers=headers, body=done.body)

    async def close(self) -> None:
        """Wait for the threads; what waits for one is dropped."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)

    def _release(self) -> None:
        self._free += 1


def single_values(request: web.Request) -> dict[str, str]:
    """The query with each name once; raises RequestError(400) for a name given twice."""
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name in found:
            raise RequestError(400, "bad_request", "This parameter is given twice.", field=name)
        found[name] = value
    return found


def _release_on(loop: asyncio.AbstractEventLoop, release: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(release)
