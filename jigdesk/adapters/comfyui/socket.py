"""The one WebSocket to an engine: kept up, parsed, and handed to whoever follows a prompt."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException

from jigdesk.adapters.comfyui import messages, protocol
from jigdesk.adapters.comfyui.mailbox import (
    CancelRequested,
    Disconnected,
    Item,
    Mailbox,
    Reconnected,
)
from jigdesk.adapters.comfyui.timing import Timing

MAX_FRAME_BYTES = 64 * 1024 * 1024
_PARSE_IN_THREAD_CHARS = 1024 * 1024
_HELLO = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkStatus:
    """What the socket knows about the engine; `queue_remaining` is None when unknown."""

    connected: bool
    queue_remaining: int | None
    connections: int


class EngineSocket:
    """Keeps one socket up under a stable client id. Lives on one loop.

    The client id stays the same across reconnects and restarts of the desk, because the server
    sends a prompt's events only to the id that submitted it. A socket is closed fully before
    the next one opens (WORKAROUND ComfyUI #16010: a late close unregisters the new one), and
    the client pings, because the server has no heartbeat (#3128, #3390).
    """

    def __init__(
        self,
        url: str,
        client_id: str,
        timing: Timing,
        *,
        on_frame: Callable[[messages.ServerMessage], None],
        on_link: Callable[[bool], None],
    ) -> None:
        self._url = url
        self._client_id = client_id
        self._timing = timing
        self._on_frame = on_frame
        self._on_link = on_link
        self._boxes: dict[str, list[Mailbox]] = {}
        self._up = asyncio.Event()
        self._connection: ClientConnection | None = None
        self._status = LinkStatus(False, None, 0)
        self._listeners: list[Callable[[LinkStatus], None]] = []
        self.greeted_node: str | None = None
        """The node that a reconnect's greeting named, until any prompt's frame follows it."""

    @property
    def status(self) -> LinkStatus:
        """Connected or not, and the queue's length."""
        return self._status

    def listen(self, listener: Callable[[LinkStatus], None]) -> Callable[[], None]:
        """Call `listener` on the loop after each change; returns the way to unsubscribe.

        The listener must not block or raise.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    @contextmanager
    def follow(self, prompt_id: str) -> Iterator[Mailbox]:
        """Collect a prompt's messages, and those that name no prompt, while in the context."""
        box = Mailbox(prompt_id)
        self._boxes.setdefault(prompt_id, []).append(box)
        try:
            yield box
        finally:
            boxes = self._boxes[prompt_id]
            boxes.remove(box)
            if not boxes:
                del self._boxes[prompt_id]

    def note_cancel(self, prompt_id: str) -> None:
        """Mark the prompt's followers: what they see from now on is a cancellation."""
        for box in self._boxes.get(prompt_id, ()):
            box.cancel_requested = True

    def nudge(self, prompt_id: str) -> None:
        """Make the prompt's followers look at once."""
        for box in self._boxes.get(prompt_id, ()):
            box.put(CancelRequested())

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait until the socket is up; False when it is not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._up.wait()
        except TimeoutError:
            return False
        return True

    async def move_to(self, url: str) -> None:
        """Connect there from now on."""
        self._url = url
        await self.renew()

    async def renew(self) -> None:
        """Close the connection, so that a new one takes its place; no-op while there is none.

        For a socket that is open and silent: the server may have forgotten it (#16010).
        """
        if self._connection is not None:
            await self._connection.close()

    async def run(self) -> None:
        """Keep the socket up until cancelled."""
        failures = 0
        while True:
            connections = self._status.connections
            try:
                await self._run_once()
            except InvalidURI:
                raise  # a bug: the URL was checked when the client was built
            except (OSError, WebSocketException, TimeoutError) as error:
                logger.debug("engine socket: %s", error)
            finally:
                self._go_down()
            failures = 0 if self._status.connections > connections else failures + 1
            await asyncio.sleep(self._backoff_s(failures))

    async def _run_once(self) -> None:
        timing, url = self._timing, self._url
        # leaving the context waits for the close: the next socket opens only after it
        async with connect(
            url,
            open_timeout=timing.connect_s,
            ping_interval=timing.ping_interval_s,
            ping_timeout=timing.ping_timeout_s,
            close_timeout=timing.close_s,
            max_size=MAX_FRAME_BYTES,
            compression=None,
            proxy=None,
        ) as connection:
            if url != self._url:
                return  # `move_to` came while it connected, and had no connection to close
            self._connection = connection
            try:
                await connection.send(_HELLO)
                await self._read(connection)
            finally:
                self._connection = None

    async def _read(self, connection: ClientConnection) -> None:
        while True:
            try:
                frame = await connection.recv()
            except ConnectionClosed:
                return
            if isinstance(frame, str) and len(frame) > _PARSE_IN_THREAD_CHARS:
                message = await asyncio.to_thread(protocol.parse_frame, frame)
            else:
                message = protocol.parse_frame(frame)
            # the server greets a client that it has registered: events come from here on
            self._go_up()
            self._dispatch(message)

    def _dispatch(self, message: messages.ServerMessage) -> None:
        if isinstance(message, messages.Malformed):
            logger.warning("engine socket: dropped a frame (%s)", message.reason)
        self._on_frame(message)
        if isinstance(message, messages.Status):
            if message.queue_remaining is not None:
                self._publish(LinkStatus(True, message.queue_remaining, self._status.connections))
            return
        prompt_id: str | None = getattr(message, "prompt_id", None)
        if isinstance(message, messages.Executing) and prompt_id is None:
            self.greeted_node = message.node
        elif prompt_id is not None:
            self.greeted_node = None
        for box in self._readers(message, prompt_id):
            box.put(message)

    def _readers(self, message: messages.ServerMessage, prompt_id: str | None) -> Sequence[Mailbox]:
        if prompt_id is None or isinstance(message, messages.ExecutionStart):
            return [box for boxes in self._boxes.values() for box in boxes]
        return self._boxes.get(prompt_id, ())

    def _go_up(self) -> None:
        if self._up.is_set():
            return
        self._up.set()
        self._on_link(True)
        self._publish(LinkStatus(True, None, self._status.connections + 1))
        self._tell_all(Reconnected())

    def _go_down(self) -> None:
        if not self._up.is_set():
            return
        self._up.clear()
        self.greeted_node = None
        self._on_link(False)
        self._publish(LinkStatus(False, None, self._status.connections))
        self._tell_all(Disconnected())

    def _tell_all(self, item: Item) -> None:
        for boxes in self._boxes.values():
            for box in boxes:
                box.put(item)

    def _publish(self, status: LinkStatus) -> None:
        if status != self._status:
            self._status = status
            for listener in tuple(self._listeners):
                listener(status)

    def _backoff_s(self, failures: int) -> float:
        timing = self._timing
        ceiling = min(timing.backoff_most_s, timing.backoff_first_s * 2.0 ** min(failures, 16))
        return ceiling * (0.5 + random.random() / 2)  # noqa: S311  jitter is no secret
