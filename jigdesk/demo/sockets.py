"""Who listens: one WebSocket a client id, one queue of frames for all of them."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from jigdesk.demo.log import Log

MAX_WAITING_FRAMES = 10_000
MAX_WAITING_BEFORE_PREVIEWS = 50
SEND_TIMEOUT_S = 10.0
FEATURES = {"supports_preview_metadata": True, "max_upload_size": 104857600}


@dataclass(slots=True)
class Current:
    """Whose prompt runs and which node of it; written by the worker thread alone.

    `client_id` stays after the prompt has ended, `node` does not.
    """

    client_id: str | None = None
    node: str | None = None


@dataclass(slots=True)
class _Client:
    socket: web.WebSocketResponse
    abort: Callable[[], None]
    flags: dict[str, Any] = field(default_factory=dict)


class Sockets:
    """Frames go out in the order in which `send` was called, from whichever thread.

    A frame for a client that is not connected is lost, as with ComfyUI. Bounded: previews are
    dropped when the loop falls behind, and a client that takes no frame for SEND_TIMEOUT_S is
    cut off.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, current: Current, log: Log) -> None:
        self._loop = loop
        self._current = current
        self._log = log
        self._clients: dict[str, _Client] = {}
        self._frames: asyncio.Queue[tuple[str | bytes, str | None]] = asyncio.Queue(
            MAX_WAITING_FRAMES
        )

    def send(self, event: str, data: Any, client_id: str | None) -> None:
        """Send a JSON frame to one client, or to all (None). Any thread."""
        text = json.dumps({"type": event, "data": data})
        self._loop.call_soon_threadsafe(self._enqueue, text, client_id)

    def send_preview(self, frame: bytes, client_id: str | None) -> None:
        """Send a binary frame to one client, or to all (None). Any thread."""
        self._loop.call_soon_threadsafe(self._enqueue, frame, client_id)

    def _enqueue(self, frame: str | bytes, client_id: str | None) -> None:
        waiting = self._frames.qsize()
        if isinstance(frame, bytes) and waiting >= MAX_WAITING_BEFORE_PREVIEWS:
            return
        if waiting >= MAX_WAITING_FRAMES:  # nobody has read for long: they must reconnect
            self.abort_all()
            return
        self._frames.put_nowait((frame, client_id))

    def supports(self, client_id: str | None, flag: str) -> bool:
        """Whether the client said so in its first message. Any thread."""
        client = self._clients.get(client_id or "")
        return client is not None and client.flags.get(flag) is True

    async def publish(self) -> None:
        """Send what is queued until cancelled."""
        while True:
            frame, client_id = await self._frames.get()
            if client_id is None:
                for each in list(self._clients.values()):
                    await self._send(each, frame)
            elif client_id in self._clients:
                await self._send(self._clients[client_id], frame)

    async def _send(self, client: _Client, frame: str | bytes) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if isinstance(frame, str):
                    await client.socket.send_str(frame)
                else:
                    await client.socket.send_bytes(frame)
        except TimeoutError:
            client.abort()
        except ConnectionError as lost:
            self._log.line(f"send error: {lost}")

    async def serve(
        self, request: web.Request, queue_info: Callable[[], Any]
    ) -> web.StreamResponse:
        """One client's connection, until it ends."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        transport = request.transport
        client = _Client(socket, transport.abort if transport is not None else socket.force_close)
        # The older socket of the same client id hears nothing any more, but is not closed.
        self._clients[client_id] = client
        try:
            await self._send_now(client, "status", {"status": queue_info(), "sid": client_id})
            if self._current.client_id == client_id and self._current.node is not None:
                await self._send_now(client, "executing", {"node": self._current.node})
            await self._listen(client)
        except (ConnectionError, TimeoutError):
            client.abort()  # it left, or took nothing, while it was greeted
        finally:
            # As in ComfyUI (#16010): the late end of an evicted socket unregisters the new one.
            self._clients.pop(client_id, None)
        return socket

    async def _listen(self, client: _Client) -> None:
        first = True
        async for message in client.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            try:
                data = json.loads(message.data)
            except json.JSONDecodeError:
                self._log.line("a client sent a message that is not JSON")
                continue
            if first and isinstance(data, dict) and data.get("type") == "feature_flags":
                flags = data.get("data")
                client.flags = flags if isinstance(flags, dict) else {}
                await self._send_now(client, "feature_flags", FEATURES)
            first = False

    async def _send_now(self, client: _Client, event: str, data: Any) -> None:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await client.socket.send_str(json.dumps({"type": event, "data": data}))

    def abort_all(self) -> None:
        """Cut every connection without a closing handshake."""
        for client in list(self._clients.values()):
            client.abort()
