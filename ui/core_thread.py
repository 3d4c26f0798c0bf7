"""The core on its own native asyncio loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from jigdesk.app import Core, open_core
from jigdesk.settings import Settings

log = logging.getLogger(__name__)
T = TypeVar("T")


class CoreGone(RuntimeError):
    """Somebody asked the core before it started or after it stopped: a bug."""


class CoreThread:
    """Starts and stops one core. Its methods may be called from any thread.

    Settings that are given as a function are read in the thread, for a keyring may take its time.
    `started` resolves to the running Core, or fails with what `open_core` raised (SetupError
    when the home is taken or a port is held), or SettingsError. `ended` resolves when everything
    is closed; it fails with what brought the core down when it ended by itself.
    """

    def __init__(self, settings: Settings | Callable[[], Settings]) -> None:
        self.started: Future[Core] = Future()
        self.ended: Future[None] = Future()
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._lock = threading.Lock()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="core", daemon=False)

    def start(self) -> None:
        """Return at once; `started` tells how it went."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to stop: jobs under way are checkpointed. Returns at once; see `ended`."""
        with self._lock:
            self._stopping = True
            if self._loop is not None and self._stop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)

    @property
    def is_stopping(self) -> bool:
        """Whether it closes, or has: what is asked of it now may fail in any way."""
        return self._stopping

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the thread's end; whether it ended in time. True when it never started."""
        if self._thread.ident is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def submit(self, work: Callable[[Core], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run `work(core)` on the core's loop; raises CoreGone when there is none."""
        if not self.started.done() or self.started.exception() is not None:
            raise CoreGone("the core has not started")
        core = self.started.result()
        with self._lock:
            if self._loop is None:
                raise CoreGone("the core has stopped")
            return asyncio.run_coroutine_threadsafe(work(core), self._loop)

    def call_soon(self, action: Callable[[], None]) -> None:
        """Run `action` on the core's loop; raises CoreGone when there is none."""
        with self._lock:
            if self._loop is None:
                raise CoreGone("the core has stopped")
            self._loop.call_soon_threadsafe(action)

    def _run(self) -> None:
        failure: BaseException | None = None
        try:
            given = self._settings
            asyncio.run(self._serve(given if isinstance(given, Settings) else given()))
        except BaseException as exc:  # noqa: BLE001 - handed to whoever waits, whatever it is
            failure = exc
        if not self.started.done():
            self.started.set_exception(failure or CoreGone("it was stopped while it started"))
            self.ended.set_result(None)
        elif failure is not None:
            self.ended.set_exception(failure)
        else:
            self.ended.set_result(None)

    async def _serve(self, settings: Settings) -> None:
        stop = asyncio.Event()
        with self._lock:
            self._loop, self._stop = asyncio.get_running_loop(), stop
            if self._stopping:
                stop.set()
        try:
            async with open_core(settings) as core:
                self.started.set_result(core)
                try:
                    await core.run_until(stop)
                finally:
                    self._stopping = True
        finally:
            with self._lock:
                self._loop = None
