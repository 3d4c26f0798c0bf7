"""What the bridge needs of a core, with a real journal and nothing else behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.errors import JigDeskError
from tests.harness.waiting import PATIENCE_S


@dataclass(frozen=True)
class JournalCore:
    """The one part of a Core that reading the queue touches."""

    journal: SqliteJournal


class JournalThread:
    """Runs a journal on a loop in a thread of its own; the face of `ui.core_thread.CoreThread`."""

    def __init__(self, path: Path) -> None:
        self.started: Future[JournalCore] = Future()
        self.ended: Future[None] = Future()
        self._path = path
        self.failure: JigDeskError | None = None
        """What everything that is asked is answered with, as on a disk that fails."""
        self._held: asyncio.Event | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="journal")
        self._thread.start()
        self.core = self.started.result(PATIENCE_S)

    is_stopping = False

    def submit(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(self._answer(work), self._loop)

    def hold(self) -> None:
        """Answer nothing until `go_on`, as a disk that sleeps."""
        self._held = asyncio.Event()

    def go_on(self) -> None:
        """Answer again."""
        held, self._held = self._held, None
        if held is not None:
            self._loop.call_soon_threadsafe(held.set)

    async def _answer(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        if self._held is not None:
            await self._held.wait()
        if self.failure is not None:
            raise self.failure
        return await work(self.core)

    def call_soon(self, action: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(action)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with SqliteJournal.open(self._path) as journal:
            self.started.set_result(JournalCore(journal))
            await self._stop.wait()
        self.ended.set_result(None)
