"""ComfyUI behind the `Engine` port: one HTTP session, one WebSocket, many prompts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket as sockets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlsplit, urlunsplit
from weakref import WeakValueDictionary

import aiohttp

from jigdesk.adapters.comfyui import messages
from jigdesk.adapters.comfyui.http import ComfyHttp
from jigdesk.adapters.comfyui.run import Link, MonotonicClock, PromptRun, stop
from jigdesk.adapters.comfyui.socket import EngineSocket, LinkStatus
from jigdesk.adapters.comfyui.stall import StallWatch
from jigdesk.adapters.comfyui.timing import Timing
from jigdesk.domain.engine import EngineEvent, EngineFile, Prompt
from jigdesk.domain.errors import EngineUnavailable, SetupError
from jigdesk.domain.ids import is_job_id
from jigdesk.ports import FileDigest

_MAX_CONNECTIONS = 8

logger = logging.getLogger(__name__)


class ComfyEngine:
    """A running ComfyUI (or whatever speaks like it). Implements `jigdesk.ports.Engine`.

    Lives on the loop that opened it. It need not be up when the client opens: the socket keeps
    trying, and every call raises EngineUnavailable until then.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._entry_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._version: str | None = None
        self._has_jobs_routes: bool | None = None
        self._came_up = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str,
        client_id: str,
        timing: Timing | None = None,
        *,
        clock: MonotonicClock = time.monotonic,
    ) -> AsyncIterator[Self]:
        """Connect to the engine at `url` (`http://127.0.0.1:8188`) while in the context.

        `client_id` is the desk's own and the same after a restart: events of prompts that it
        posted earlier come only to it. Raises SetupError for a URL that is none.
        """
        timing = timing or Timing()
        base, socket_url, host = _addresses(url, client_id)
        stall = StallWatch(client_id, timing.stall_timeout_s, clock())
        # a stable client id and no cookies; the environment's proxies are not for this machine
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        ) as session:
            engine: Self

            def on_frame(message: messages.ServerMessage) -> None:
                stall.saw_frame(message, clock())

            def on_link(is_up: bool) -> None:
                stall.saw_link(clock())
                engine._note_link(is_up)

            socket = EngineSocket(socket_url, client_id, timing, on_frame=on_frame, on_link=on_link)
            http = ComfyHttp(session, base, timing)
            private = (sockets.gethostname(), host)
            engine = cls(Link(http, socket, stall, timing, client_id, private, clock))
            tasks = [
                asyncio.create_task(socket.run(), name="engine-socket"),
                asyncio.create_task(engine._identify(), name="engine-identify"),
            ]
            try:
                yield engine
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            for task in tasks:
                if not task.cancelled():
                    task.result()  # a bug ended it early: it is raised here

    @property
    def connected(self) -> bool:
        """Whether the socket is up; HTTP may work without it."""
        return self._link.socket.status.connected

    @property
    def status(self) -> LinkStatus:
        """Connected or not, and the queue's length."""
        return self._link.socket.status

    @property
    def version(self) -> str | None:
        """The engine's version, read on each connection; None until it was."""
        return self._version

    def listen(self, listener: Callable[[LinkStatus], None]) -> Callable[[], None]:
        """Call `listener` on the loop at each change of `status`; returns the unsubscribe.

        The listener must not block or raise.
        """
        return self._link.socket.listen(listener)

    async def wait_connected(self, timeout_s: float) -> bool:
        """Wait for the socket; False when it is not up in time."""
        return await self._link.socket.wait_up(timeout_s)

    async def run(self, prompt: Prompt) -> AsyncGenerator[EngineEvent, None]:
        """See `jigdesk.ports.Engine.run`; EngineStalled says that the engine needs a restart.

        Raises ValueError unless the prompt's id is a canonical lowercase UUID.
        """
        if not is_job_id(prompt.prompt_id):
            raise ValueError(f"not a canonical lowercase UUID: {prompt.prompt_id!r}")
        link = self._link
        with link.socket.follow(prompt.prompt_id) as box:
            # frames that come before the socket is registered are lost: worth a short wait
            await link.socket.wait_up(link.timing.socket_wait_s)
            run = PromptRun(link, prompt, box, self._entry_lock(prompt.prompt_id))
            async with aclosing(run.events()) as events:
                async for event in events:
                    yield event

    async def cancel(self, prompt_id: str) -> None:
        """Delete it when pending, interrupt it when running, touch nothing else.

        A run of it here raises JobError(CANCELLED) once the engine let go of it, however it
        ended. Raises EngineUnavailable.
        """
        if not is_job_id(prompt_id):
            raise ValueError(f"not a canonical lowercase UUID: {prompt_id!r}")
        link = self._link
        link.socket.note_cancel(prompt_id)
        async with self._entry_lock(prompt_id):
            if not (await self._jobs_routes() and await link.http.cancel_job(prompt_id)):
                await stop(link.http, prompt_id)
        link.socket.nudge(prompt_id)

    async def holds(self, prompt_id: str) -> bool:
        """See `jigdesk.ports.Engine.holds`."""
        queue = await self._link.http.queue()
        return queue.is_running(prompt_id) or queue.is_pending(prompt_id)

    async def move_to(self, url: str) -> None:
        """Talk to the engine at `url` from now on, which is another one.

        Raises SetupError for a URL that is none.
        """
        base, socket_url, _ = _addresses(url, self._link.client_id)
        self._link.http.move_to(base)
        await self._link.socket.move_to(socket_url)

    async def object_info(self) -> Mapping[str, Any]:
        """The node classes that the engine has; raises EngineUnavailable."""
        return await self._link.http.object_info()

    async def upload_input(self, path: Path, name: str) -> str:
        """See `jigdesk.ports.Engine.upload_input`; raises EngineError for a refused name."""
        return await self._link.http.upload(path, name)

    async def download(self, file: EngineFile, path: Path, max_bytes: int) -> FileDigest:
        """See `jigdesk.ports.Engine.download`.

        Raises JobError(EXECUTION_ERROR) for a file of more than `max_bytes`.
        """
        return await self._link.http.view(file, path, max_bytes)

    async def free(self) -> None:
        """Unload models and free memory before the next prompt."""
        await self._link.http.free()

    async def features(self) -> Mapping[str, Any]:
        """The server's feature flags; raises EngineUnavailable."""
        return await self._link.http.features()

    async def system_stats(self) -> Mapping[str, Any]:
        """Versions, argv and devices; raises EngineUnavailable, also for another program."""
        stats = await self._link.http.system_stats()
        system = stats.get("system")
        if not isinstance(system, dict):
            raise EngineUnavailable("The engine's port answers, but not as ComfyUI does.")
        version = system.get("comfyui_version")
        self._version = version if isinstance(version, str) else None
        return stats

    async def answers(self) -> bool:
        """True when HTTP answers at all, with whatever status; else raises EngineUnavailable."""
        await self._link.http.knock()
        return True

    def _note_link(self, is_up: bool) -> None:
        if is_up:
            self._has_jobs_routes = None  # it may be another version now
            self._came_up.set()

    async def _identify(self) -> None:
        while True:
            await self._came_up.wait()
            self._came_up.clear()
            try:
                await self.system_stats()
            except EngineUnavailable as error:
                logger.debug("engine version unknown: %s", error)

    async def _jobs_routes(self) -> bool:
        if self._has_jobs_routes is None:
            try:
                found = await self._link.http.has_jobs_routes()
            except EngineUnavailable:
                return False  # the older routes work on every server: a cancel is not given up
            # without a socket nobody tells when the engine was started anew: ask each time
            self._has_jobs_routes = found if self.connected else None
            return found
        return self._has_jobs_routes

    def _entry_lock(self, prompt_id: str) -> asyncio.Lock:
        lock = self._entry_locks.get(prompt_id)
        if lock is None:
            lock = self._entry_locks[prompt_id] = asyncio.Lock()
        return lock


def _addresses(url: str, client_id: str) -> tuple[str, str, str]:
    """The base URL, the socket's URL and the host."""
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            path = parts.path.rstrip("/")
            base = urlunsplit((parts.scheme, parts.netloc, path, "", ""))
            scheme = "wss" if parts.scheme == "https" else "ws"
            query = f"clientId={quote(client_id, safe='')}"
            socket = urlunsplit((scheme, parts.netloc, f"{path}/ws", query, ""))
            return base, socket, parts.hostname
    raise SetupError(f"{url!r} is not an http(s) URL.", field="comfyui.url")
