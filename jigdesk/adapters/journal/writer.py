"""The one writer thread: everything that waits becomes one transaction.

A thousand small changes a second cost a handful of commits, and each caller still gets its own
answer: an operation that fails is undone by its savepoint and spoils nobody else's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from jigdesk.adapters.journal.database import translate
from jigdesk.adapters.journal.replaced import Replaced
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.events import Event
from jigdesk.domain.job import Job

log = logging.getLogger(__name__)

MAX_WAITING = 512
T = TypeVar("T")


@dataclass(slots=True)
class Transaction:
    """What an operation works with: `now` is the same for its every row.

    It notes the events and rows that it wrote, for the listeners.
    """

    db: sqlite3.Connection
    now: datetime
    replaced: Replaced
    events: list[Event] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)


@dataclass(slots=True)
class _Operation(Generic[T]):
    work: Callable[[Transaction], T]
    durable: bool
    future: asyncio.Future[T]


@dataclass(slots=True)
class _Outcome:
    operation: _Operation[Any]
    result: Any = None
    error: BaseException | None = None
    events: Sequence[Event] = ()
    jobs: Sequence[Job] = ()


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What the writer did since it started: `synced` of its `commits` waited for the disk."""

    operations: int = 0
    commits: int = 0
    synced: int = 0


Listener = Callable[[Sequence[Event], Sequence[Job]], None]


class Writer:
    """Owns the writing connection. Made and used on one loop; works on a thread of its own.

    At most MAX_WAITING operations are in the queue; further callers wait their turn.
    """

    def __init__(
        self, connection: sqlite3.Connection, clock: Clock, listeners: Sequence[Listener] = ()
    ) -> None:
        self._db = connection
        self._clock = clock
        self._listeners = listeners
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(MAX_WAITING)
        self._waiting: deque[_Operation[Any]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._synchronous = ""
        self._replaced = Replaced()
        self.stats = WriterStats()
        self._thread = threading.Thread(target=self._run, name="journal-writer")
        self._thread.start()

    async def submit(self, work: Callable[[Transaction], T], *, durable: bool) -> T:
        """Run `work` in the next transaction and return its result once that is committed.

        `durable` waits for the disk. Raises what `work` raises, with its changes undone.
        Cancelled while it waits for a place in the queue, nothing is written; later, it is
        committed all the same.
        """
        await self._slots.acquire()
        operation = _Operation(work, durable, self._loop.create_future())
        with self._changed:
            if self._closing:
                self._slots.release()
                raise RuntimeError("the journal is closed")
            self._waiting.append(operation)
            self._changed.notify()
        result: T = await operation.future
        return result

    def stop(self) -> None:
        """Take nothing more, commit what waits, and join the thread. Blocks."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    # --- on the writer's thread ---------------------------------------------------------------

    def _run(self) -> None:
        while batch := self._take():
            outcomes = self._commit(batch)
            try:
                self._loop.call_soon_threadsafe(self._deliver, outcomes)
            except RuntimeError:  # the loop was closed under us: nobody is left to be told
                log.warning("the loop ended before the journal was closed")

    def _take(self) -> list[_Operation[Any]]:
        """Everything that waits; empty only when it is over."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch = list(self._waiting)
            self._waiting.clear()
        return batch

    def _commit(self, batch: Sequence[_Operation[Any]]) -> list[_Outcome]:
        durable = any(operation.durable for operation in batch)
        outcomes: list[_Outcome] = []
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self._synchronise("FULL" if durable else "NORMAL")
            self._db.execute("BEGIN IMMEDIATE")
            for operation in batch:
                outcomes.append(self._attempt(operation))
                if not self._db.in_transaction:  # a full disk rolls all of it back
                    error = outcomes[-1].error
                    assert error is not None  # noqa: S101  only an error ends a transaction here
                    self._replaced.clear()
                    return [_Outcome(each, error=error) for each in batch]
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._replaced.clear()
            if self._db.in_transaction:
                with contextlib.suppress(sqlite3.Error):  # the disk is gone: the next batch tries
                    self._db.execute("ROLLBACK")
            return [_Outcome(operation, error=_told(error)) for operation in batch]
        stats = self.stats
        self.stats = WriterStats(
            stats.operations + len(batch), stats.commits + 1, stats.synced + durable
        )
        return outcomes

    def _synchronise(self, level: str) -> None:
        if level != self._synchronous:
            self._db.execute(f"PRAGMA synchronous={level}")
            self._synchronous = level

    def _attempt(self, operation: _Operation[Any]) -> _Outcome:
        self._db.execute("SAVEPOINT operation")
        try:
            transaction = Transaction(self._db, self._clock(), self._replaced)
            result = operation.work(transaction)
        except Exception as error:  # noqa: BLE001  it goes to the caller, all of it
            if self._db.in_transaction:
                self._db.execute("ROLLBACK TO operation")
                self._db.execute("RELEASE operation")
            return _Outcome(operation, error=_told(error))
        self._db.execute("RELEASE operation")
        return _Outcome(operation, result, None, transaction.events, transaction.jobs)

    # --- on the loop --------------------------------------------------------------------------

    def _deliver(self, outcomes: Sequence[_Outcome]) -> None:
        events: list[Event] = []
        jobs: list[Job] = []
        for outcome in outcomes:
            self._slots.release()
            events += outcome.events
            jobs += outcome.jobs
            future = outcome.operation.future
            if future.cancelled():
                if outcome.error is not None and not isinstance(outcome.error, JigDeskError):
                    log.error("a change failed after its caller left", exc_info=outcome.error)
            elif outcome.error is not None:
                future.set_exception(outcome.error)
            else:
                future.set_result(outcome.result)
        # awaiting tasks only run after this: a listener knows before the caller goes on
        if events or jobs:
            for listener in tuple(self._listeners):
                self._tell(listener, events, jobs)

    def _tell(self, listener: Listener, events: Sequence[Event], jobs: Sequence[Job]) -> None:
        try:
            listener(events, jobs)
        except Exception as error:  # noqa: BLE001  a bug: reported as the loop reports its own
            self._loop.call_exception_handler(
                {"message": f"{listener!r} raised on a commit", "exception": error}
            )


def _told(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    told = translate(error)
    told.__cause__ = error
    return told
