"""A loopback TCP relay that can be as broken as a network: refusing, silent, or cutting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024


class TcpProxy:
    """Relays to one target. Each connection is a task; a mode holds for all of them at once."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._cut_after_bytes: int | None = None
        self._closing = False
        self.port = 0
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Drop every connection and refuse new ones: the server's machine is off."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.drop()

    def drop(self) -> None:
        """Reset every connection that is open now."""
        for writer in list(self._open):
            writer.transport.abort()

    def go_silent(self) -> None:
        """Accept everything and answer nothing: a black hole."""
        self._flowing.clear()

    def cut_after(self, size_bytes: int) -> None:
        """Reset the connection that carries the next `size_bytes` of a transfer; once."""
        self._cut_after_bytes = size_bytes

    async def heal(self) -> None:
        """Be a network again. What was swallowed meanwhile is not delivered late."""
        self.drop()
        self._flowing.set()
        self._cut_after_bytes = None
        if self._server is None:
            await self.start()

    async def close(self) -> None:
        self._closing = True
        await self.refuse()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._open.add(writer)
        self.connections += 1
        try:
            await self._flowing.wait()
            up_reader, up_writer = await asyncio.open_connection(*self._target)
            self._open.add(up_writer)
            try:
                ways = [
                    asyncio.create_task(self._pump(reader, up_writer)),
                    asyncio.create_task(self._pump(up_reader, writer)),
                ]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.wait(ways)
            finally:
                self._open.discard(up_writer)
                up_writer.transport.abort()
        except OSError:
            pass
        except asyncio.CancelledError:
            if not self._closing:  # asyncio.start_server would log it as a fault
                raise
        finally:
            self._open.discard(writer)
            writer.transport.abort()
            self._tasks.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carried = 0
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flowing.wait()
                carried += len(data)
                if self._cut_after_bytes is not None and carried >= self._cut_after_bytes:
                    self._cut_after_bytes = None
                    return
                writer.write(data)
                await writer.drain()


@asynccontextmanager
async def tcp_proxy(target_url: str) -> AsyncIterator[TcpProxy]:
    """A relay to the server at `target_url`."""
    parts = urlsplit(target_url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = TcpProxy(socket.gethostbyname(parts.hostname), parts.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()
