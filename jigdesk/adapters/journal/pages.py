"""Pages of jobs: filter, search and order, found by walking one index."""

from __future__ import annotations

import base64
import binascii
import json
import sqlite3
from typing import Any

from jigdesk.adapters.journal.rows import JOB_COLUMNS, clean, job_from, micros
from jigdesk.domain.changes import JobPage, JobQuery
from jigdesk.domain.errors import RequestError
from jigdesk.domain.job import JobStatus

SORTS: dict[str, str] = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "started_at": "started_key",
    "finished_at": "finished_key",
    "duration_s": "duration_key",
    "job_id": "id_key",
    "status": "status_key",
    "owner_id": "owner_key",
    "workflow": "workflow_key",
    "progress": "progress_key",
    "eta_s": "eta_key",
    "attempt": "attempt",
    "priority": "priority",
    "queue_order": "queue_order",
}
"""What JobQuery.sort may name, and the column whose index gives that order."""

MAX_LIMIT = 1000
_MAX_CURSOR = 2000
_MAX_WORDS = 8
_COLUMNS = ", ".join(JOB_COLUMNS)


def page(db: sqlite3.Connection, query: JobQuery) -> JobPage:
    """The jobs of one page; see the port."""
    key = _key(query)
    conditions, values = _conditions(query)
    if query.cursor is not None:
        conditions.append(f"({key}, id) {'<' if query.descending else '>'} (?, ?)")
        values += _decode(query)
    limit = max(1, min(query.limit, MAX_LIMIT))
    way = "DESC" if query.descending else "ASC"
    found = db.execute(
        f"SELECT {_COLUMNS}, {key}, id FROM jobs{_where(conditions)} "  # noqa: S608  our own names
        f"ORDER BY {key} {way}, id {way} LIMIT ? OFFSET ?",
        (*values, limit + 1, max(0, query.offset)),
    ).fetchall()
    more = len(found) > limit
    jobs = tuple(job_from(row[:-2]) for row in found[:limit])
    return JobPage(jobs, _encode(query, *found[limit - 1][-2:]) if more else None)


def count(db: sqlite3.Connection, query: JobQuery) -> int:
    """How many jobs are on all pages of `query`."""
    conditions, values = _conditions(query)
    (number,) = db.execute(
        f"SELECT COUNT(*) FROM jobs{_where(conditions)}",  # noqa: S608  our own names
        values,
    ).fetchone()
    return int(number)


def counts(db: sqlite3.Connection) -> dict[JobStatus, int]:
    """How many jobs are in each status, 0 included."""
    # by the key, which has an index in its order: a quarter of the work on 100,000 jobs
    rows = db.execute("SELECT status, COUNT(*) FROM jobs GROUP BY status_key")
    found = dict(rows.fetchall())
    return {status: found.get(status.value, 0) for status in JobStatus}


ACTIVE_COUNTS = (
    # by name, whatever a version of SQLite would choose: jobs that ended are many, these few
    "SELECT status, COALESCE(workflow, ''), COUNT(*) FROM jobs INDEXED BY jobs_active "
    "WHERE status NOT IN ('completed', 'failed', 'cancelled') GROUP BY 1, 2"
)


def active_counts(db: sqlite3.Connection) -> dict[tuple[JobStatus, str], int]:
    """How many jobs that are not final are in each status, by workflow."""
    return {
        (JobStatus(status), workflow): number
        for status, workflow, number in db.execute(ACTIVE_COUNTS)
    }


def _key(query: JobQuery) -> str:
    try:
        return SORTS[query.sort]
    except KeyError:
        raise RequestError(
            400,
            "invalid_sort",
            f"Jobs cannot be sorted by {query.sort!r:.60}. Use one of: {', '.join(SORTS)}.",
            field="sort",
        ) from None


def _conditions(query: JobQuery) -> tuple[list[str], list[Any]]:
    # The unary plus keeps SQLite from finding rows by these and sorting them all afterwards:
    # the index of the order holds the same columns, and walking it may stop when a page is full.
    conditions: list[str] = []
    values: list[Any] = []
    if query.states:
        conditions.append("+status IN (SELECT value FROM json_each(?))")
        values.append(json.dumps([status.value for status in query.states]))
    if query.owner_id is not None:
        conditions.append("+owner_id = ?")
        values.append(clean(query.owner_id))
    if query.created_from is not None:
        conditions.append("created_at >= ?")
        values.append(micros(query.created_from))
    if words := clean(query.text).lower().split()[:_MAX_WORDS]:
        every = " AND ".join(["INSTR(text, ?)"] * len(words))
        conditions.append(f"+id IN (SELECT id FROM job_search WHERE {every})")  # noqa: S608
        values += words
    return conditions, values


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _encode(query: JobQuery, key: Any, row_id: int) -> str:
    text = json.dumps([query.sort, query.descending, key, row_id], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(query: JobQuery) -> tuple[Any, int]:
    """The place after which a page begins; raises RequestError for what we did not write."""
    cursor = query.cursor or ""
    if len(cursor) > _MAX_CURSOR or not cursor.isascii():
        raise _bad_cursor()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        sort, descending, key, row_id = json.loads(
            base64.b64decode(padded, altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise _bad_cursor() from error
    simple = isinstance(key, (str, int, float)) and isinstance(row_id, int)
    fits = not isinstance(key, int) or abs(key) < 2**63
    if (sort, descending) != (query.sort, query.descending) or not simple or not fits:
        raise _bad_cursor()
    if not 0 < row_id < 2**63:
        raise _bad_cursor()
    return (clean(key) if isinstance(key, str) else key), row_id


def _bad_cursor() -> RequestError:
    return RequestError(
        400,
        "invalid_cursor",
        "This cursor belongs to no page of this list. Begin again without one.",
        field="cursor",
    )
