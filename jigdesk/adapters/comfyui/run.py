"""One prompt from look to end: frames make it fast, HTTP makes it right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Protocol

from jigdesk.adapters.comfyui import errors
from jigdesk.adapters.comfyui.history import (
    Failed,
    Interrupted,
    Outcome,
    failed,
    read_outcome,
)
from jigdesk.adapters.comfyui.http import ComfyHttp
from jigdesk.adapters.comfyui.mailbox import (
    CancelRequested,
    Disconnected,
    Item,
    Mailbox,
    Overflowed,
    Reconnected,
)
from jigdesk.adapters.comfyui.prompt_state import Phase, PromptState
from jigdesk.adapters.comfyui.socket import EngineSocket
from jigdesk.adapters.comfyui.stall import StallWatch
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import (
    EngineEvent,
    Prompt,
    PromptPosted,
    PromptSucceeded,
)
from jigdesk.domain.errors import EngineStalled, EngineUnavailable

_RETRY_FIRST_S, _RETRY_MOST_S = 0.05, 1.0


class Place(Enum):
    """Where the server has a prompt that has not ended."""

    RUNNING = "running"
    PENDING = "pending"
    ABSENT = "absent"
    """Neither in the queue nor in history: not posted, deleted, or lost with a restart."""


class MonotonicClock(Protocol):
    """Seconds that only grow."""

    def __call__(self) -> float:
        """The present moment."""


@dataclass(frozen=True, slots=True)
class Link:
    """What every run of one engine shares. `private` are words that no message may show."""

    http: ComfyHttp
    socket: EngineSocket
    stall: StallWatch
    timing: Timing
    client_id: str
    private: tuple[str, ...]
    clock: MonotonicClock


class PromptRun:
    """Enter a prompt (collect, adopt or post) and follow it to its end."""

    def __init__(self, link: Link, prompt: Prompt, box: Mailbox, entry_lock: asyncio.Lock) -> None:
        self._link = link
        self._prompt = prompt
        self._box = box
        self._entry_lock = entry_lock
        self._state = PromptState(prompt.prompt_id, prompt.graph)
        self._entered_on: int | None = None
        self._look_at = 0.0
        self._absent_since: float | None = None
        self._absent_looks = 0
        self._failing_since: float | None = None

    async def events(self) -> AsyncGenerator[EngineEvent, None]:
        """Yield what happens; see `jigdesk.ports.Engine.run` for what is raised."""
        place, is_adopted = await self._enter()
        yield PromptPosted(adopted=is_adopted)
        if not isinstance(place, Place):
            yield self._end(place)
            return
        async with aclosing(self._follow(place)) as events:
            async for event in events:
                yield event

    async def _enter(self) -> tuple[Place | Outcome, bool]:
        # the lock keeps a cancel from looking between our look and our post
        async with self._entry_lock:
            status = self._link.socket.status
            self._entered_on = status.connections if status.connected else None
            place = await self._locate()
            if place is not Place.ABSENT:
                return place, True
            if self._box.cancel_requested:
                raise errors.cancelled()
            return await self._post()

    async def _post(self) -> tuple[Place | Outcome, bool]:
        http, prompt = self._link.http, self._prompt
        try:
            answer = await http.post_prompt(prompt.prompt_id, prompt.graph, self._link.client_id)
        except EngineUnavailable:
            place = await self._locate()  # it may have been taken before the answer was lost
            if place is Place.ABSENT:
                raise
            return place, False
        body, private = answer.body, self._link.private
        if answer.status != HTTPStatus.OK:
            classes = await self._classes() if errors.is_missing_node(body) else ()
            raise errors.refusal(body, prompt.graph, classes, private)
        node_errors = body.get("node_errors")
        if isinstance(node_errors, dict) and node_errors:
            # the rest would run and these outputs would be missing without a word
            await stop(http, prompt.prompt_id)
            raise errors.invalid_nodes(node_errors, prompt.graph, private)
        given = body.get("prompt_id")
        if given != prompt.prompt_id:
            if isinstance(given, str):
                await stop(http, given)
            raise EngineUnavailable(
                "The engine gives prompts its own ids: it is too old for this desk."
            )
        return Place.PENDING, False

    async def _classes(self) -> Sequence[str]:
        try:
            return tuple(await self._link.http.object_info())
        except EngineUnavailable:
            return ()  # only the nearest match goes missing

    async def _follow(self, place: Place) -> AsyncGenerator[EngineEvent, None]:
        link, state, box = self._link, self._state, self._box
        if place is Place.RUNNING:
            for event in state.note_running(link.socket.greeted_node):
                yield event
        self._look_in(link.timing.reconcile_s)
        while True:
            item = await box.get(max(0.0, self._look_at - link.clock()))
            for event in self._take(item):
                yield event
            if link.clock() < self._look_at:
                continue
            verdict = await self._look(is_quiet=item is None)
            if verdict is Place.RUNNING:
                for event in state.note_running(link.socket.greeted_node):
                    yield event
            elif verdict is not None and not isinstance(verdict, Place):
                yield self._end(verdict)
                return

    def _take(self, item: Item | None) -> Sequence[EngineEvent]:
        """Feed one item, and decide when to look next."""
        match item:
            case None:
                return ()
            case Reconnected() | Overflowed() | CancelRequested():
                self._look_in(0)
                return ()
            case Disconnected():
                self._look_in(min(self._link.timing.settle_s, self._left_s()))
                return ()
        before = self._state.phase
        events = self._state.feed(item)
        after = self._state.phase
        if after is Phase.LEFT:
            # not again for stray frames: a look that found nothing has set its own time
            if before is not Phase.LEFT:
                self._look_in(0)
        elif after is Phase.ENDING:
            self._look_in(self._link.timing.settle_s)
        elif events or getattr(item, "prompt_id", None) == self._prompt.prompt_id:
            self._failing_since = None
            self._look_in(self._link.timing.reconcile_s)
        return events

    async def _look(self, *, is_quiet: bool) -> Place | Outcome | None:
        """Ask HTTP; None: ask again later. `is_quiet`: no frame came for a whole interval."""
        link = self._link
        phase = self._state.phase
        try:
            verdict = await self._collect() if phase is Phase.LEFT else await self._locate()
        except EngineUnavailable:
            now = link.clock()
            if self._failing_since is None:
                self._failing_since = now
            if now - self._failing_since >= link.timing.unreachable_s:
                raise
            self._look_in(min(_RETRY_MOST_S, link.timing.reconcile_s))
            return None
        self._failing_since = None
        if is_quiet:
            await self._renew_deaf_socket(verdict, phase)
        if verdict is Place.ABSENT:
            self._note_absent()
            return verdict
        self._absent_since, self._absent_looks = None, 0
        if isinstance(verdict, Place):
            self._check_stall()
            is_ending = phase in (Phase.LEFT, Phase.ENDING) or self._box.cancel_requested
            self._look_in(link.timing.settle_s if is_ending else link.timing.reconcile_s)
        return verdict

    async def _collect(self) -> Place | Outcome:
        """History first: the frames say that it left the executor."""
        entry = await self._link.http.history(self._prompt.prompt_id)
        if entry is None:
            return await self._locate()
        return read_outcome(entry, self._prompt.graph)

    async def _locate(self) -> Place | Outcome:
        """The queue first: a prompt that ends between the two looks is found in history."""
        http, prompt_id = self._link.http, self._prompt.prompt_id
        queue = await http.queue()
        self._link.stall.saw_queue(queue, self._link.clock())
        if queue.is_running(prompt_id):
            return Place.RUNNING
        if queue.is_pending(prompt_id):
            return Place.PENDING
        entry = await http.history(prompt_id)
        return Place.ABSENT if entry is None else read_outcome(entry, self._prompt.graph)

    def _note_absent(self) -> None:
        """Decide about a prompt that the server does not know; history may be a little late."""
        if self._box.cancel_requested or self._state.interrupted:
            raise errors.cancelled()
        if self._state.failure is not None:
            outcome = failed(self._state.failure)
            raise errors.execution_failure(outcome, self._prompt.graph, self._link.private)
        now = self._link.clock()
        if self._absent_since is None:
            self._absent_since = now
        self._absent_looks += 1
        is_long = now - self._absent_since >= self._link.timing.lost_after_s
        if is_long and self._absent_looks > 1:
            raise EngineUnavailable(
                "The engine lost the prompt: it is neither in its queue nor in its history."
            )
        self._look_in(min(_RETRY_MOST_S, _RETRY_FIRST_S * 2**self._absent_looks))

    def _check_stall(self) -> None:
        link = self._link
        # without a socket silence says nothing; a new one starts the clock again
        if link.socket.status.connected and link.stall.is_stalled(link.clock()):
            raise EngineStalled(
                f"The engine holds prompts and has done nothing for {link.timing.stall_timeout_s:g}"
                " seconds: its worker seems dead."
            )

    async def _renew_deaf_socket(self, verdict: Place | Outcome, phase: Phase) -> None:
        """Replace a socket that is open and hears nothing of a prompt that runs or ran.

        WORKAROUND ComfyUI #16010: the server can forget a client whose socket stays open.
        """
        status = self._link.socket.status
        if not status.connected or status.connections != self._entered_on:
            return
        unheard_start = verdict is Place.RUNNING and phase is Phase.WAITING
        unheard_end = not isinstance(verdict, Place) and phase in (Phase.WAITING, Phase.RUNNING)
        if unheard_start or unheard_end:
            await self._link.socket.renew()

    def _end(self, outcome: Outcome) -> PromptSucceeded:
        if self._box.cancel_requested or isinstance(outcome, Interrupted):
            raise errors.cancelled()
        if isinstance(outcome, Failed):
            raise errors.execution_failure(outcome, self._prompt.graph, self._link.private)
        return PromptSucceeded(dict(outcome.outputs))

    def _look_in(self, seconds: float) -> None:
        self._look_at = self._link.clock() + seconds

    def _left_s(self) -> float:
        return max(0.0, self._look_at - self._link.clock())


async def stop(http: ComfyHttp, prompt_id: str) -> None:
    """Delete a prompt when it waits, interrupt it when it runs; nobody else's is touched."""
    queue = await http.queue()
    if queue.is_pending(prompt_id):
        await http.delete(prompt_id)
        queue = await http.queue()  # it may have begun just before
    if queue.is_running(prompt_id):
        await http.interrupt(prompt_id)
