"""The event stream: a job's events as Server-Sent Events, read from the journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from jigdesk.adapters.http.api import single_values
from jigdesk.adapters.http.query import bad_parameter
from jigdesk.domain.errors import RequestError
from jigdesk.domain.events import COMPLETED, FAILED, LAST, Event, payload
from jigdesk.domain.ids import is_job_id
from jigdesk.ports import Journal

PAGE = 100
"""How many events are read at once; a stream never holds more."""

_MAX_SEQ = 2**63 - 1

Authorise = Callable[[str, Mapping[str, str], Mapping[str, str]], Awaitable[None]]
"""`authorise(job_id, query, headers)`: raises RequestError 404 (or 401) for whoever may not
listen; header names are lower case."""
Render = Callable[[Event], Awaitable[Mapping[str, Any]]]
"""The event's data with URLs added, without job_id and seq."""
Settled = Callable[[str], Awaitable[None]]
"""`settled(job_id)` returns once the store has everything that the journal owes it of a job."""

_ENDS = frozenset({COMPLETED, FAILED}) | LAST


class Streams(Protocol):
    """Counts and wakes streams; see `adapters/publisher/hub.py`."""

    @property
    def closed(self) -> bool:
        """Whether every stream ends now."""

    def stream(self, job_id: str) -> AbstractContextManager[asyncio.Event]:
        """Count a stream in; the event is set when its job has news."""

    def close(self) -> None:
        """End every stream."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """`ping_s` between keep-alive comments; a reader that takes nothing for `send_s` is dropped.

    A job's end is held back until the store says the same, but for no longer than `settle_s`.
    """

    ping_s: float = 15.0
    send_s: float = 30.0
    settle_s: float = 2.0


class EventStreams:
    """The route `/events/{job_id}`."""

    def __init__(
        self,
        journal: Journal,
        streams: Streams,
        authorise: Authorise,
        render: Render,
        times: StreamTimes | None = None,
        settled: Settled | None = None,
    ) -> None:
        self._journal = journal
        self._streams = streams
        self._authorise = authorise
        self._render = render
        self._times = times or StreamTimes()
        self._settled = settled

    def close(self) -> None:
        """End every stream."""
        self._streams.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Stream a job's events, from the first one or after the reader's last.

        With no `Last-Event-ID` (a browser's first connection has none) and with 0 everything is
        replayed, so that nothing that happened before is missed. The stream ends after the
        last event of a job that is at its end; a reader that comes back with that very event
        gets a 204, which tells an EventSource to stop asking. While a later attempt is under
        way the end of an earlier one ends nothing.
        """
        job_id = request.match_info["job_id"]
        query = single_values(request)  # some EventSources add parameters of their own
        if not is_job_id(job_id):
            raise RequestError(404, "not_found", "There is no such job.")
        after = _last_event_id(request, query)
        headers = {name.lower(): value for name, value in request.headers.items()}
        await self._authorise(job_id, query, headers)
        with self._streams.stream(job_id) as wake:
            if after and await self._is_over(job_id, after):
                return web.Response(status=204)
            answer = EventSourceResponse(
                sep="\n", ping_interval=self._times.ping_s, send_timeout=self._times.send_s
            )
            await answer.prepare(request)
            async with answer:
                # The head goes out with the first chunk: a comment brings it there at once.
                await answer.write(b": here\n\n")
                try:
                    await self._follow(job_id, after, wake, answer)
                except TimeoutError:  # a reader that took nothing: its connection was aborted
                    raise ConnectionResetError("the reader stalled") from None
            return answer

    async def _follow(
        self, job_id: str, after: int, wake: asyncio.Event, answer: EventSourceResponse
    ) -> None:
        while not self._streams.closed:
            wake.clear()
            # The job first: if it is final here, every event up to its end is read below.
            job = await self._journal.job(job_id)
            page = await self._journal.events(job_id, after, PAGE)
            if any(event.name in _ENDS for event in page):
                await self._let_settle(job_id)
            for event in page:
                await self._send(event, answer)
                after = event.seq
            if page:
                continue
            if job is not None and job.status.is_final:
                return
            await wake.wait()

    async def _let_settle(self, job_id: str) -> None:
        """Whoever hears of a job's end and then reads status.json must find it there."""
        job = await self._journal.job(job_id)
        if self._settled is None or job is None or not job.status.is_final:
            return
        try:
            async with asyncio.timeout(self._times.settle_s):
                await self._settled(job_id)
        except TimeoutError:
            return  # a store that hangs keeps nobody from the news

    async def _send(self, event: Event, answer: EventSourceResponse) -> None:
        data = payload(replace(event, data=await self._render(event)))
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        await answer.send(text, id=str(event.seq), event=event.name)

    async def _is_over(self, job_id: str, after: int) -> bool:
        job = await self._journal.job(job_id)
        return (
            job is not None
            and job.status.is_final
            and not await self._journal.events(job_id, after, 1)
        )


def _last_event_id(request: web.Request, query: Mapping[str, str]) -> int:
    """The header that EventSource sends when it comes back, else the query; 0 without either."""
    text = request.headers.get("Last-Event-ID") or query.get("last_event_id") or "0"
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_SEQ))
    if not plain or int(text) > _MAX_SEQ:
        raise bad_parameter("last_event_id", "last_event_id is the seq of an event, or 0.")
    return int(text)
