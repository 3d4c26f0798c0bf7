"""SqliteJournal: the port `Journal` over one writer thread and a few readers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from jigdesk.adapters.journal import (
    changes,
    eventlog,
    outbox,
    pages,
    queries,
    retention,
    webhooks,
)
from jigdesk.adapters.journal.database import close_writer, open_writer
from jigdesk.adapters.journal.readers import Readers
from jigdesk.adapters.journal.rows import clean
from jigdesk.adapters.journal.writer import Listener, Transaction, Writer, WriterStats
from jigdesk.domain.changes import (
    Acceptance,
    Arrival,
    Attempt,
    Change,
    JobPage,
    JobQuery,
    Kin,
    OutboxDraft,
    OutboxKind,
    OutboxRow,
    StageRun,
)
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.events import Event, EventDraft
from jigdesk.domain.job import Job, JobStatus

LEARNING_RATE = 0.3
"""The weight of the newest run in `node_seconds`."""


class SqliteJournal:
    """The journal in one SQLite file; see `jigdesk.ports.Journal` for every method.

    Belongs to the loop on which it was opened. A write whose caller is cancelled while it
    waits for its commit is committed all the same.
    """

    def __init__(
        self,
        writer: Writer,
        readers: Readers,
        listeners: list[Listener],
        clock: Clock,
        owed: Sequence[OutboxDraft] = (),
    ) -> None:
        self._owed = tuple(owed)
        self._writer = writer
        self._readers = readers
        self._listeners = listeners
        self._clock = clock

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, clock: Clock = utc_now, *, publishing: bool = False
    ) -> AsyncIterator[SqliteJournal]:
        """Open the journal at `path`, creating or migrating it; close it at the end.

        With `publishing` every event from now on also gets a row of the outbox that publishes
        it; without, rows that an earlier desk left are removed, since nobody takes them.

        Raises SetupError when the file is no journal, damaged, newer than this program or
        cannot be opened; it is then left as it was. Closing commits everything that was handed
        over; it takes its time even when it is cancelled, so that no thread is left behind.
        """
        connection, readers = await _open_connections(path)
        listeners: list[Listener] = []
        writer = Writer(connection, clock, listeners)

        def close() -> None:
            writer.stop()
            readers.close()
            close_writer(connection)

        try:
            if not publishing:
                await writer.submit(outbox.forget_events, durable=False)
            owed = (OutboxDraft(OutboxKind.PUBLISH),) if publishing else ()
            yield cls(writer, readers, listeners, clock, owed)
        finally:
            closing = asyncio.ensure_future(asyncio.to_thread(close))
            try:
                await asyncio.shield(closing)
            except asyncio.CancelledError:
                await closing
                raise

    async def died(self) -> bool:
        """Whether a desk before this one did not stop by itself, and no start counted it since."""
        row = await self._readers.run(
            lambda db: db.execute("SELECT value FROM meta WHERE name = 'died'").fetchone()
        )
        return row is not None and row[0] == "yes"

    async def death_counted(self) -> None:
        """Take note that the jobs know of it; until then a start that failed hides nothing."""

        def forget(tx: Transaction) -> None:
            tx.db.execute("DELETE FROM meta WHERE name = 'died'")

        await self._writer.submit(forget, durable=True)

    @property
    def stats(self) -> WriterStats:
        """Counts of operations and commits since the start."""
        return self._writer.stats

    async def accept(self, arrival: Arrival, change: Change) -> Acceptance:
        """Create a job (status accepted, attempt 1), fsynced; duplicate when it is known.

        A webhook id that is new is remembered either way. Raises IllegalMove for a change
        that leaves `accepted`.
        """
        return await self._writer.submit(
            lambda tx: changes.accept(tx, arrival, self._with_owed(change)), durable=True
        )

    async def seen_webhook(self, webhook_id: str) -> str | None:
        """The job id of a webhook that was answered with 202; None when unknown."""
        return await self._readers.run(lambda db: webhooks.job_of(db, webhook_id))

    async def remember_webhook(self, webhook_id: str, job_id: str) -> None:
        """Remember a JobOutput or JobCommand, fsynced."""
        await self._writer.submit(
            lambda tx: webhooks.remember(tx, webhook_id, job_id), durable=True
        )

    async def apply(
        self, job_id: str, change: Change, *, expect: Iterable[JobStatus] | None = None
    ) -> Job | None:
        """Apply a change in one transaction and return the new row.

        A status or a new attempt is fsynced whatever `change.durable` says. None, with nothing
        changed, when the status is not in `expect`. Raises KeyError for an unknown job (and
        UnknownField, a KeyError too, for a bug), IllegalMove for a bug.
        """
        expected = None if expect is None else frozenset(expect)
        return await self._writer.submit(
            lambda tx: changes.apply(tx, job_id, self._with_owed(change), expected),
            durable=change.durable or change.to is not None or change.new_attempt,
        )

    async def record_event(self, job_id: str, event: EventDraft) -> Event:
        """Append an event of a job that need not exist yet, fsynced."""
        return await self._writer.submit(
            lambda tx: changes.record_event(tx, job_id, event, self._owed), durable=True
        )

    async def job(self, job_id: str) -> Job | None:
        """The row; None when unknown."""
        return await self._readers.run(lambda db: queries.job(db, job_id))

    async def plan(self, job_id: str) -> Mapping[str, Any] | None:
        """The plan as it was stored by a Change; None before it is made."""
        return await self._readers.run(lambda db: queries.plan(db, job_id))

    async def stage_runs(self, job_id: str) -> Sequence[StageRun]:
        """The newest run of each stage, in the order in which they began."""
        return await self._readers.run(lambda db: queries.stage_runs(db, job_id))

    async def attempts(self, job_id: str) -> Sequence[Attempt]:
        """Every attempt, oldest first."""
        return await self._readers.run(lambda db: queries.attempts(db, job_id))

    async def family(self, job_id: str, limit: int = 64) -> Sequence[Kin]:
        """The tree of branches that a job is in; see the port."""
        return await self._readers.run(lambda db: queries.family(db, job_id, limit))

    async def events(self, job_id: str, after_seq: int = 0, limit: int = 1000) -> Sequence[Event]:
        """Events after `after_seq` in order of seq; superseded progress is left out."""
        return await self._readers.run(lambda db: eventlog.page(db, job_id, after_seq, limit))

    async def last_seq(self, job_id: str) -> int:
        """The newest seq of a job's events, 0 when it has none."""
        return await self._readers.run(lambda db: eventlog.last_seq(db, job_id))

    async def active(self) -> Sequence[Job]:
        """Every job that is not final: priority first, then the order of arrival."""
        return await self._readers.run(queries.active)

    async def page(self, query: JobQuery) -> JobPage:
        """A page of jobs; raises RequestError(400) for a bad cursor or an unknown `sort`."""
        return await self._readers.run(lambda db: pages.page(db, query))

    async def count(self, query: JobQuery) -> int:
        """How many jobs `query` finds on all of its pages."""
        return await self._readers.run(lambda db: pages.count(db, query))

    async def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs are in each status, 0 included."""
        return await self._readers.run(pages.counts)

    async def active_counts(self) -> Mapping[tuple[JobStatus, str], int]:
        """How many jobs that are not final are in each status, by workflow (empty: not known)."""
        return await self._readers.run(pages.active_counts)

    async def forget(self, job_id: str) -> None:
        """Remove a job that another desk claimed, fsynced; an unknown one is no error."""
        await self._writer.submit(lambda tx: changes.forget(tx, job_id), durable=True)

    async def prune(self, finished_before: datetime, keep: int) -> int:
        """Delete final jobs that ended before `finished_before`, and the oldest beyond `keep`.

        Also events of jobs that never came and are as old. See the port.
        """
        gone = 0
        while some := await self._writer.submit(
            lambda tx: retention.prune_some(tx, finished_before, keep), durable=False
        ):
            gone += some
        while await self._writer.submit(
            lambda tx: retention.prune_early(tx, finished_before), durable=False
        ):
            pass
        return gone

    async def outbox(
        self, kinds: Sequence[OutboxKind], *, now: datetime, limit: int
    ) -> Sequence[OutboxRow]:
        """Of each job the oldest row of these kinds, if it is due; oldest first."""
        return await self._readers.run(lambda db: outbox.due_rows(db, kinds, now, limit))

    async def outbox_of(
        self, job_id: str, kinds: Sequence[OutboxKind], limit: int
    ) -> Sequence[OutboxRow]:
        """A job's rows of these kinds in order, due or not."""
        return await self._readers.run(lambda db: outbox.rows_of(db, job_id, kinds, limit))

    async def outbox_done(self, row_ids: Sequence[int]) -> None:
        """These went out; a row that replaced one of them in the meantime stays."""
        await self._writer.submit(lambda tx: outbox.done(tx, row_ids), durable=False)

    async def outbox_retry(self, row_id: int, due: datetime) -> None:
        """This failed; try it, or what replaced it in the meantime, again at `due`."""
        await self._writer.submit(lambda tx: outbox.retry(tx, row_id, due), durable=False)

    async def outbox_lag(
        self, kinds: Sequence[OutboxKind] = (), job_id: str | None = None
    ) -> tuple[int, float]:
        """How many rows of these kinds (all when empty) wait, and the oldest's age in seconds."""
        now = self._clock()
        return await self._readers.run(lambda db: outbox.lag(db, kinds, now, job_id))

    async def node_seconds(self, workflow: str) -> Mapping[str, float]:
        """Learned seconds per node id of a workflow (exponentially weighted)."""
        return await self._readers.run(lambda db: queries.node_seconds(db, workflow))

    async def learn_node_seconds(self, workflow: str, seconds: Mapping[str, float]) -> None:
        """Fold one run's times in."""
        rows = [(workflow, node, value, LEARNING_RATE) for node, value in seconds.items()]

        def learn(tx: Transaction) -> None:
            tx.db.executemany(
                "INSERT INTO node_seconds VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE "
                "SET seconds = seconds + ?4 * (excluded.seconds - seconds)",
                rows,
            )

        await self._writer.submit(learn, durable=False)

    async def queue_flag(self, name: str) -> str | None:
        """A durable flag of the queue with its reason; None when unset."""
        return await self._readers.run(lambda db: queries.queue_flag(db, name))

    async def set_queue_flag(self, name: str, reason: str | None) -> None:
        """Set or clear (None) a flag, fsynced."""

        def change(tx: Transaction) -> None:
            if reason is None:
                tx.db.execute("DELETE FROM queue_flags WHERE name = ?", (name,))
            else:
                tx.db.execute(
                    "INSERT OR REPLACE INTO queue_flags VALUES (?, ?)", (name, clean(reason))
                )

        await self._writer.submit(change, durable=True)

    async def write_test(self) -> None:
        """Write something, fsynced, that changes nothing; raises JournalUnavailable."""

        def change(tx: Transaction) -> None:
            tx.db.execute("INSERT OR REPLACE INTO meta VALUES ('write test', ?)", (token_hex(4),))

        await self._writer.submit(change, durable=True)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` on the loop after each commit; returns the way to unsubscribe.

        It gets the events and, for each change, the row after it, both in order. Callers whose
        writes are in the commit go on after it.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def _with_owed(self, change: Change) -> Change:
        if not self._owed or not change.events:
            return change
        return replace(change, outbox=(*change.outbox, *self._owed))


async def _open_connections(path: Path) -> tuple[sqlite3.Connection, Readers]:
    def work() -> tuple[sqlite3.Connection, Readers]:
        connection = open_writer(path)
        try:
            return connection, Readers(path)
        except BaseException:
            connection.close()
            raise

    opening = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        connection, readers = await opening
        readers.close()
        close_writer(connection)
        raise
