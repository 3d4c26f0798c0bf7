"""The writer: one transaction for all that waits, and each caller its own answer."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jigdesk.adapters.journal.database import open_writer
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.adapters.journal.writer import MAX_WAITING, Transaction, Writer
from jigdesk.domain.changes import Change
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import JournalUnavailable
from jigdesk.domain.events import PROGRESS, EventDraft
from jigdesk.domain.job import JobStatus
from tests.harness.waiting import PATIENCE_S


def flag(name: str) -> Callable[[Transaction], None]:
    def work(tx: Transaction) -> None:
        tx.db.execute("INSERT INTO queue_flags VALUES (?, 'why')", (name,))

    return work


def flags(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT name FROM queue_flags ORDER BY name")]


@asynccontextmanager
async def writing(path: Path) -> AsyncIterator[tuple[Writer, sqlite3.Connection, list[str]]]:
    """A writer on a real file, and the statements that its connection ran."""
    db = open_writer(path)
    statements: list[str] = []
    db.set_trace_callback(statements.append)
    writer = Writer(db, utc_now)
    try:
        yield writer, db, statements
    finally:
        await asyncio.to_thread(writer.stop)
        db.close()


@asynccontextmanager
async def held(writer: Writer) -> AsyncIterator[None]:
    """Keep the thread busy, so that what comes meanwhile waits together."""
    started, go = threading.Event(), threading.Event()

    def work(_: Transaction) -> None:
        started.set()
        assert go.wait(PATIENCE_S)

    holding = asyncio.ensure_future(writer.submit(work, durable=False))
    assert await asyncio.to_thread(started.wait, PATIENCE_S)
    try:
        yield
    finally:
        go.set()
        await holding


async def test_everything_that_waits_is_one_transaction(tmp_path: Path) -> None:
    async with writing(tmp_path / "j.db") as (writer, db, statements):
        async with held(writer):
            waiting = [
                asyncio.ensure_future(writer.submit(flag(f"{n:03}"), durable=False))
                for n in range(200)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert len(flags(db)) == 200
        assert statements.count("COMMIT") == 2
        assert (writer.stats.operations, writer.stats.commits) == (201, 2)


async def test_only_a_batch_with_something_durable_waits_for_the_disk(tmp_path: Path) -> None:
    async with writing(tmp_path / "j.db") as (writer, db, statements):
        await writer.submit(flag("a"), durable=False)
        assert "PRAGMA synchronous=NORMAL" in statements
        assert db.execute("PRAGMA synchronous").fetchone() == (1,)
        async with held(writer):
            some = [
                asyncio.ensure_future(writer.submit(flag(name), durable=name == "c"))
                for name in "bcd"
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*some)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert statements.index("PRAGMA synchronous=FULL") < statements.index(
            "INSERT INTO queue_flags VALUES ('b', 'why')"
        )
        assert writer.stats.synced == 1


async def test_a_failing_operation_spoils_nobody_elses(tmp_path: Path) -> None:
    def bad(tx: Transaction) -> None:
        flag("half done")(tx)
        raise LookupError("a bug")

    async with writing(tmp_path / "j.db") as (writer, db, _):
        async with held(writer):
            waiting = [
                asyncio.ensure_future(writer.submit(work, durable=True))
                for work in (flag("a"), bad, flag("a"), flag("b"))
            ]
            await asyncio.sleep(0)
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(answer) for answer in answers] == [
            type(None),
            LookupError,
            RuntimeError,  # the same key twice: a bug, not the environment
            type(None),
        ]
        assert flags(db) == ["a", "b"]


async def test_a_cancelled_caller_does_not_undo_what_was_handed_over(tmp_path: Path) -> None:
    async with writing(tmp_path / "j.db") as (writer, db, _):
        async with held(writer):
            caller = asyncio.ensure_future(writer.submit(flag("a"), durable=True))
            await asyncio.sleep(0)
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
        await writer.submit(flag("b"), durable=True)
        assert flags(db) == ["a", "b"]


async def test_the_queue_is_bounded_and_everybody_gets_a_turn(tmp_path: Path) -> None:
    async with writing(tmp_path / "j.db") as (writer, db, statements):
        async with held(writer):
            waiting = [
                asyncio.ensure_future(writer.submit(flag(str(n)), durable=False))
                for n in range(MAX_WAITING + 100)
            ]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
        assert len(flags(db)) == MAX_WAITING + 100
        assert statements.count("COMMIT") > 2


async def test_a_full_disk_is_said_and_passes(tmp_path: Path) -> None:
    async with writing(tmp_path / "j.db") as (writer, db, _):
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count={pages + 2}")

        def big(tx: Transaction) -> None:
            tx.db.execute("INSERT INTO queue_flags VALUES ('big', ?)", ("x" * 1_000_000,))

        with pytest.raises(JournalUnavailable, match="full"):
            await writer.submit(big, durable=True)
        db.execute("PRAGMA max_page_count=100000")
        await writer.submit(big, durable=True)
        assert flags(db) == ["big"]


def no_disk() -> sqlite3.OperationalError:
    """As SQLite says that its disk is gone."""
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return failure


class GoneDisk:
    """A connection whose disk takes neither the end of a transaction nor its undoing."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.is_gone = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.db, name)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        if self.is_gone and sql in ("COMMIT", "ROLLBACK"):
            raise no_disk()
        return self.db.execute(sql, *values)


async def test_a_disk_that_is_gone_in_the_middle_is_said_and_passes(tmp_path: Path) -> None:
    db = GoneDisk(open_writer(tmp_path / "j.db"))
    writer = Writer(db, utc_now)  # type: ignore[arg-type]
    try:
        db.is_gone = True
        for name in ("a", "b"):
            with pytest.raises(JournalUnavailable, match="I/O"):
                await writer.submit(flag(name), durable=True)
        db.is_gone = False
        await writer.submit(flag("c"), durable=True)
        assert flags(db.db) == ["c"]
    finally:
        await asyncio.to_thread(writer.stop)
        db.close()


async def test_a_locked_database_is_said_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with writing(path) as (writer, db, _):
        db.execute("PRAGMA busy_timeout=1")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalUnavailable, match="locked"):
            await writer.submit(flag("a"), durable=True)
        other.execute("ROLLBACK")
        other.close()
        await writer.submit(flag("a"), durable=True)
        assert flags(db) == ["a"]


async def test_a_stopped_writer_commits_what_waited_and_refuses_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with writing(path) as (writer, db, _):
        waiting = [
            asyncio.ensure_future(writer.submit(flag(str(n)), durable=False)) for n in range(50)
        ]
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.stop)
        await asyncio.gather(*waiting)
        assert len(flags(db)) == 50
        with pytest.raises(RuntimeError, match="closed"):
            await writer.submit(flag("late"), durable=False)


async def test_a_thousand_progress_changes_cost_a_handful_of_commits(desk: Any) -> None:
    job_id = await desk.new_job()
    before = desk.journal.stats
    draft = EventDraft(PROGRESS, {"status": "running", "stage": "a"})
    change = Change(fields={"progress": 0.5}, events=(draft,), durable=False)
    await asyncio.gather(*(desk.journal.apply(job_id, change) for _ in range(1000)))
    after = desk.journal.stats
    assert after.operations - before.operations == 1000
    assert after.commits - before.commits < 50
    assert after.synced == before.synced


async def test_a_change_of_status_is_durable_whatever_it_says(desk: Any) -> None:
    job_id = await desk.new_job()
    before = desk.journal.stats.synced
    await desk.journal.apply(job_id, Change(fields={"progress": 0.1}, durable=False))
    assert desk.journal.stats.synced == before
    await desk.journal.apply(job_id, Change(to=JobStatus.PREPARING, durable=False))
    assert desk.journal.stats.synced == before + 1


async def test_a_listener_that_raises_is_reported_and_stops_nothing(
    desk: Any,
) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(_events: object, _jobs: object) -> None:
        raise ValueError("a bug")

    heard: list[object] = []
    desk.journal.subscribe(broken)
    desk.journal.subscribe(lambda events, jobs: heard.append(jobs))
    assert await desk.new_job()
    assert [type(context["exception"]) for context in reported] == [ValueError]
    assert len(heard) == 1


async def test_no_thread_is_left_after_the_end(tmp_path: Path) -> None:
    async with SqliteJournal.open(tmp_path / "j.db") as journal:
        await journal.counts()
        names = {thread.name for thread in threading.enumerate()}
        assert any(name.startswith("journal-writer") for name in names)
    assert not [t for t in threading.enumerate() if t.name.startswith("journal-")]
    with pytest.raises(RuntimeError):
        await journal.counts()


async def test_cancelling_whoever_holds_the_journal_still_closes_it_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    opened = asyncio.Event()

    async def hold() -> None:
        async with SqliteJournal.open(path) as journal:
            await journal.set_queue_flag("paused", "why")
            opened.set()
            await asyncio.Event().wait()

    task = asyncio.ensure_future(hold())
    await opened.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # and once more, while it closes
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not [t for t in threading.enumerate() if t.name.startswith("journal-")]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone() == ("yes",)
    db.close()


async def test_reads_beyond_the_number_of_readers_all_get_an_answer(desk: Any) -> None:
    job_id = await desk.new_job()
    some = [asyncio.ensure_future(desk.journal.job(job_id)) for _ in range(100)]
    await asyncio.sleep(0)
    for task in some[::2]:
        task.cancel()
    answers = await asyncio.gather(*some, return_exceptions=True)
    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert {answer.job_id for answer in answers[1::2]} == {job_id}
    assert (await desk.journal.job(job_id)).job_id == job_id


async def test_a_reader_whose_transaction_was_ended_by_the_disk_says_so(desk: Any) -> None:
    def broken(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")  # as SQLite does by itself with some errors
        raise no_disk()

    with pytest.raises(JournalUnavailable, match="I/O"):
        await desk.journal._readers.run(broken)
