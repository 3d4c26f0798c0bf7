"""The services that meet the store, on a real journal and a store in memory; time is injected."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.store.threaded import ThreadedStore
from jigdesk.domain import keys
from jigdesk.domain.errors import StoreUnavailable
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import Job
from jigdesk.services.claim import Claims
from jigdesk.services.commands import Commands
from jigdesk.services.confirm import Confirmations
from jigdesk.services.ends import Ends
from jigdesk.services.intake import JobIntake
from jigdesk.services.outbox import StoreOutbox
from jigdesk.services.queue import JobQueue
from jigdesk.services.sweep import Sweeper
from tests.fakes.memory_store import MemoryStore, TickingClock
from tests.harness.waiting import PATIENCE_S


class StoreDesk:
    """One desk without an engine: what it takes in stays in its queue."""

    def __init__(
        self,
        journal: SqliteJournal,
        memory: MemoryStore,
        store: ThreadedStore,
        clock: TickingClock,
        host_id: str,
        max_depth: int,
    ) -> None:
        self.journal = journal
        self.memory = memory
        self.store = store
        self.clock = clock
        self.claims = Claims(journal, store, host_id)
        self.queue = JobQueue(journal, concurrency=1, max_depth=max_depth)
        self.ends = Ends(journal, clock)
        self.outbox = StoreOutbox(journal, store, self.claims, clock)
        self.confirmations = Confirmations(journal, store, wait_s=30)
        commands = Commands(journal, self.queue, None, self.ends)  # type: ignore[arg-type]
        self.intake = JobIntake(journal, self.queue, self.confirmations, commands, store.bucket)
        self.sweeper = self.new_sweeper()
        self.asked: Counter[str] = Counter()
        self.down = False
        memory.before = self._before

    def _before(self, operation: str, key: str) -> None:
        self.asked[operation] += 1
        if self.down:
            raise StoreUnavailable("The store is down.")

    def new_sweeper(self, interval_s: float = 3600) -> Sweeper:
        """One without any memory."""
        return Sweeper(
            self.journal,
            self.store,
            self.intake,
            self.ends,
            self.claims,
            clock=self.clock,
            interval_s=interval_s,
        )

    def upload(self, job_id: str | None = None, *, manifest: Any = None, **files: bytes) -> str:
        """Put a job's files, and request.json when `manifest` is given."""
        job_id = job_id or new_job_id()
        for name, body in files.items():
            self.memory.put(keys.input_key(job_id, f"{name}.png"), body)
        if manifest is not None:
            body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
            self.memory.put(keys.request_key(job_id), body)
        return job_id

    def claimed(self, job_id: str, host_id: str, status: str, attempt: int = 1) -> None:
        """What a desk left in the store."""
        document = {"version": 1, "host_id": host_id, "status": status, "attempt": attempt}
        self.memory.put(keys.state_key(job_id), json.dumps(document).encode())

    def document(self, key: str) -> dict[str, Any]:
        return dict(json.loads(self.memory.get(key, 1 << 20)[0]))

    async def job(self, job_id: str) -> Job | None:
        return await self.journal.job(job_id)

    async def flushed(self) -> None:
        """Let the outbox send what it has."""
        task = asyncio.create_task(self.outbox.run())
        async with asyncio.timeout(PATIENCE_S):
            await self.outbox.flush()
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def store_desk(
    folder: Path,
    memory: MemoryStore | None = None,
    *,
    host_id: str = "desk-1",
    max_depth: int = 1000,
) -> AsyncIterator[StoreDesk]:
    """A desk whose journal lies in `folder`, on `memory` or on a bucket of its own."""
    clock = TickingClock()
    memory = memory or MemoryStore(clock)
    async with (
        SqliteJournal.open(folder / f"{host_id}.sqlite", clock) as journal,
        ThreadedStore(memory) as store,  # type: ignore[arg-type]
    ):
        yield StoreDesk(journal, memory, store, clock, host_id, max_depth)
