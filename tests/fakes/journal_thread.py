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
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="journal")
        self._thread.start()
        self.core = self.started.result(PATIENCE_S)

    def submit(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(work(self.core), self._loop)

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
