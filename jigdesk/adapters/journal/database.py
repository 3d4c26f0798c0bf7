"""Opening the journal's file: checked before it is touched, migrated, and private.

Everything here blocks; it runs in a thread.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from jigdesk.adapters.journal import schema
from jigdesk.domain.errors import JournalUnavailable, SetupError

BUSY_S = 5.0
CHECK_S = 3.0
SKIP_SEQ = 1000
"""How far `seq` skips after a crash: more events than were ever published and not fsynced."""

_OPEN = "status NOT IN ('completed', 'failed', 'cancelled')"
_OLDEST_SQLITE = (3, 35, 0)
_WAL_BYTES = 16 * 1024 * 1024
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_ENVIRONMENT = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
    }
)


def translate(error: sqlite3.Error) -> Exception:
    """What `error` means to a caller: the environment's doing, damage, or a bug of ours."""
    primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if primary in _ENVIRONMENT:
        return JournalUnavailable(
            f"The journal cannot be used now: {error}. "
            "Check that the disk has space and that no other program holds the file."
        )
    if primary in _DAMAGED:
        return SetupError(
            f"The journal is damaged ({error}). Stop JigDesk, keep a copy of the file and its "
            "-wal beside it, and restore a backup or move it away to begin anew."
        )
    return RuntimeError(f"the journal was used wrongly: {error}")


def open_writer(path: Path) -> sqlite3.Connection:
    """Open (or create) the journal for its one writer and bring it to this version.

    Raises SetupError, with the file as it was, when it is no journal, damaged, newer than this
    program, or cannot be opened.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise SetupError(
            f"SQLite {sqlite3.sqlite_version} is too old for the journal: 3.35 is needed. "
            "Use a newer Python."
        )
    _create_private(path)
    with _refused_as_setup(path):
        connection = sqlite3.connect(
            path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            version = _check(connection, path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA journal_size_limit={_WAL_BYTES}")
            connection.execute("PRAGMA synchronous=FULL")
            _migrate(connection, version)
            _skip_after_crash(connection)
        except BaseException:
            connection.close()
            raise
    return connection


def look_into(path: Path) -> int:
    """Check a journal that nobody has open; returns how many jobs a start would go on with.

    Changes nothing of what it says, unlike a start, which takes note of how the last one ended.
    Raises SetupError as `open_writer`, also when it could not be written.
    """
    with (
        _refused_as_setup(path),
        closing(
            sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw", uri=True, timeout=BUSY_S, isolation_level=None
            )
        ) as connection,
    ):
        if not _check(connection, path):
            return 0  # an empty file: the first start has yet to fill it
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        return int(connection.execute(f"SELECT COUNT(*) FROM jobs WHERE {_OPEN}").fetchone()[0])  # noqa: S608 - a constant


def open_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that can only read; the writer's must be open already."""
    with _refused_as_setup(path):
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA query_only=1")
        except BaseException:
            connection.close()
            raise
    return connection


def close_writer(connection: sqlite3.Connection) -> None:
    """Note that the end was clean, fold the log into the file, and close."""
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', 'yes')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise translate(error) from error
    finally:
        connection.close()


@contextmanager
def _refused_as_setup(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        primary = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if primary in _DAMAGED:
            raise _damaged(path, str(error)) from error
        if primary in _ENVIRONMENT:
            raise SetupError(
                f"The journal {path} cannot be opened: {error}. Check the disk, the folder's "
                "permissions and that no other program holds the file."
            ) from error
        raise


def _create_private(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)  # SQLite gives -wal and -shm the same mode
    except OSError as error:
        raise SetupError(
            f"The journal {path} cannot be created or read: {error.strerror}. "
            "Check the folder and its permissions."
        ) from error


def _check(connection: sqlite3.Connection, path: Path) -> int:
    """The file's version; raises SetupError when this program must not use it."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0])
    if application != schema.APPLICATION_ID and (tables or version or application):
        raise SetupError(
            f"{path} is a database of another program, not a journal. "
            "Move it away or choose another state folder."
        )
    if version > schema.VERSION:
        raise SetupError(
            f"The journal {path} has version {version}, written by a newer JigDesk; this one "
            f"knows version {schema.VERSION}. Get the newer JigDesk again, or set JIGDESK_HOME to "
            "another folder to begin anew."
        )
    if problem := _first_problem(connection):
        raise _damaged(path, problem)
    return version


def _first_problem(connection: sqlite3.Connection) -> str | None:
    """What `quick_check` finds in at most CHECK_S seconds; None when it found nothing."""
    deadline = time.monotonic() + CHECK_S
    connection.set_progress_handler(lambda: int(time.monotonic() > deadline), 100_000)
    try:
        answer = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            return None  # a big file: what was read so far is sound, and starting must not wait
        raise
    finally:
        connection.set_progress_handler(None, 0)
    return None if answer == "ok" else answer


def _damaged(path: Path, what: str) -> SetupError:
    return SetupError(
        f"The journal {path} is damaged or no journal at all ({what}). It was left as it is: "
        "move it and its -wal away, and restore a backup or begin anew."
    )


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for number in range(version, schema.VERSION):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in schema.MIGRATIONS[number]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _skip_after_crash(connection: sqlite3.Connection) -> None:
    """Events that were published but not fsynced keep their seqs: nobody gets them again."""
    connection.execute("BEGIN IMMEDIATE")
    row = connection.execute("SELECT value FROM meta WHERE name = 'clean'").fetchone()
    if row is not None and row[0] == "no":
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('died', 'yes')")
        connection.execute(f"UPDATE jobs SET seq = seq + ? WHERE {_OPEN}", (SKIP_SEQ,))  # noqa: S608 - a constant
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('clean', 'no')")
    connection.execute("COMMIT")
