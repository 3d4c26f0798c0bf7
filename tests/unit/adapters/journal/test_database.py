"""Opening: what is migrated, what is refused and left alone, and how an end is noticed."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
from pathlib import Path

import pytest

from jigdesk.adapters.journal import schema
from jigdesk.adapters.journal.database import SKIP_SEQ
from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, JobQuery
from jigdesk.domain.errors import SetupError
from jigdesk.domain.events import PROGRESS, EventDraft
from jigdesk.domain.job import JobStatus

ID = "7d1f0c3e-0000-4000-8000-0000000000e2"
ENDED = "7d1f0c3e-0000-4000-8000-0000000000e3"
EVENT = EventDraft(PROGRESS, {"status": "accepted", "stage": None})


def build_version(path: Path, version: int) -> None:
    """A file as the program of that version left it, with a job in it."""
    db = sqlite3.connect(path, isolation_level=None)
    for statements in schema.MIGRATIONS[:version]:
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA user_version={version}")
    db.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    db.execute(
        "INSERT INTO jobs (job_id, bucket, status, seq, attempt, created_at, updated_at, owner_id,"
        " message, priority, queue_order, automatic_attempts, deaths, progress) "
        "VALUES (?, 'b', 'running', 7, 1, 5000000, 5000000, 'client:ABCDEFGH', 'Now', 0, 1, 0, 0,"
        " 0.5)",
        (ID,),
    )
    db.close()


async def test_a_job_of_an_older_version_is_there_and_can_be_found(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    build_version(path, 1)
    async with SqliteJournal.open(path) as journal:
        job = await journal.job(ID)
        assert job is not None
        assert (job.seq, job.progress, job.status) == (7, 0.5, JobStatus.RUNNING)
        for query in (JobQuery(sort="progress"), JobQuery(text="abcdefgh now")):
            assert (await journal.page(query)).jobs == (job,)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    db.close()


async def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.touch()
    async with SqliteJournal.open(path) as journal:
        assert await journal.active() == []


async def test_a_migration_that_fails_leaves_the_old_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "j.db"
    build_version(path, 1)
    broken = ("CREATE TABLE extra (a)", "INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(schema, "MIGRATIONS", (schema.MIGRATIONS[0], broken))
    with pytest.raises(sqlite3.OperationalError):
        async with SqliteJournal.open(path):
            pass
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'extra'").fetchone() is None
    db.close()


async def refused(path: Path) -> str:
    before = await asyncio.to_thread(path.read_bytes)
    with pytest.raises(SetupError) as error:
        async with SqliteJournal.open(path):
            pass
    assert await asyncio.to_thread(path.read_bytes) == before
    return error.value.message


async def test_a_newer_journal_is_refused_with_both_versions(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    build_version(path, schema.VERSION)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    message = await refused(path)
    assert "version 99" in message
    assert f"version {schema.VERSION}." in message
    assert "JIGDESK_HOME" in message


async def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    path.write_bytes(b"holiday pictures" * 1000)
    assert "no journal" in await refused(path)


async def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE bookmarks (url)")
    db.close()
    assert "another program" in await refused(path)


async def test_a_damaged_journal_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with SqliteJournal.open(path) as journal:
        for number in range(50):
            await journal.accept(
                Arrival(f"7d1f0c3e-0000-4000-8000-{number:012}", "b", None), Change()
            )
    content = bytearray(path.read_bytes())
    for start in range(4096 * 3, len(content), 4096):
        content[start : start + 1000] = b"\xa5" * 1000
    path.write_bytes(content)
    assert "damaged" in await refused(path)


async def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be created or read"):
        async with SqliteJournal.open(tmp_path):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")
async def test_every_file_is_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "j.db"
    async with SqliteJournal.open(path) as journal:
        await journal.accept(Arrival(ID, "b", None), Change())
        files = sorted(path.parent.iterdir())
        assert [file.name for file in files] == ["j.db", "j.db-shm", "j.db-wal"]
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert [file.name for file in path.parent.iterdir()] == ["j.db"]


async def test_after_a_clean_end_seq_goes_on_and_after_a_crash_it_skips(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with SqliteJournal.open(path) as journal:
        for job_id in (ID, ENDED):
            await journal.accept(Arrival(job_id, "b", None), Change(events=(EVENT,)))
        await journal.apply(ENDED, Change(to=JobStatus.CANCELLED))
    async with SqliteJournal.open(path) as journal:
        assert [job.seq for job in await journal.active()] == [1]
    with sqlite3.connect(path) as db:  # as a killed desk leaves it
        db.execute("UPDATE meta SET value = 'no' WHERE name = 'clean'")
    db.close()
    async with SqliteJournal.open(path) as journal:
        job = await journal.job(ID)
        ended = await journal.job(ENDED)
        assert job is not None
        assert ended is not None
        assert (job.seq, ended.seq) == (1 + SKIP_SEQ, 1)
        assert await journal.last_seq(ID) == 1
        assert (await journal.record_event(ID, EVENT)).seq == 2 + SKIP_SEQ


async def test_a_death_is_told_until_a_start_has_counted_it(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    async with SqliteJournal.open(path) as journal:
        assert not await journal.died()
    with sqlite3.connect(path) as db:  # as a killed desk leaves it
        db.execute("UPDATE meta SET value = 'no' WHERE name = 'clean'")
    db.close()
    async with SqliteJournal.open(path):
        pass  # a start that fails, say because its port is held
    async with SqliteJournal.open(path) as journal:
        assert await journal.died()
        await journal.death_counted()
    async with SqliteJournal.open(path) as journal:
        assert not await journal.died()
