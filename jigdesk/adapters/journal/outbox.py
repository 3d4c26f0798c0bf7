"""The outbox: what a committed change owes the outside.

`status` and `state` are written from the job as it is when they go out, so one waiting row of
each is enough; the same holds for the publishing of a progress event that was superseded. A
newer row never keeps the id of the one it replaces, which may be on its way at that moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jigdesk.adapters.journal.rows import dumps, micros, outbox_from
from jigdesk.adapters.journal.writer import Transaction
from jigdesk.domain.changes import OutboxDraft, OutboxKind, OutboxRow

COALESCED = frozenset({OutboxKind.STATUS, OutboxKind.STATE})

LONGEST_WAIT = timedelta(minutes=5)
"""Nothing is put off for that long: a row that seems so is from before the clock was set back."""


@dataclass(slots=True)
class Place:
    """The place of removed rows, which their successor takes: backoff and age go on."""

    row_ids: list[int]
    tries: int
    due: int
    created_at: int


def enqueue(
    tx: Transaction,
    job_id: str,
    drafts: Sequence[OutboxDraft],
    seqs: Sequence[int],
    places: Mapping[int, Place],
) -> None:
    """Add rows; `seqs` are the change's events, `places` what each of them superseded."""
    published = False
    for draft in drafts:
        if draft.kind in COALESCED:
            place = _remove(
                tx,
                "SELECT row_id, tries, due, created_at FROM outbox WHERE job_id = ? AND kind = ?",
                (job_id, draft.kind.value),
            )
            _insert(tx, job_id, draft.kind, draft.data, place)
        elif draft.kind is not OutboxKind.PUBLISH or "seq" in draft.data:
            _insert(tx, job_id, draft.kind, draft.data, None)
        elif not published:
            published = True
            for seq in seqs:
                _insert(tx, job_id, draft.kind, {"seq": seq}, places.get(seq))


def unpublish(tx: Transaction, job_id: str, seqs: Sequence[int]) -> Place | None:
    """Remove the rows that would publish these events; None when there were none."""
    return _remove(
        tx,
        "SELECT row_id, tries, due, created_at FROM outbox "
        "WHERE job_id = ? AND kind = 'publish' AND seq IN (SELECT value FROM json_each(?))",
        (job_id, json.dumps(list(seqs))),
    )


def _remove(tx: Transaction, select: str, values: tuple[Any, ...]) -> Place | None:
    found = tx.db.execute(select, values).fetchall()
    if not found:
        return None
    tx.db.executemany("DELETE FROM outbox WHERE row_id = ?", [(row[0],) for row in found])
    return Place(
        row_ids=[row[0] for row in found],
        tries=max(row[1] for row in found),
        due=max(row[2] for row in found),
        created_at=min(row[3] for row in found),
    )


def _insert(
    tx: Transaction,
    job_id: str,
    kind: OutboxKind,
    data: Mapping[str, Any],
    place: Place | None,
) -> None:
    now = micros(tx.now)
    cursor = tx.db.execute(
        "INSERT INTO outbox (job_id, kind, seq, data, tries, due, created_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            job_id,
            kind.value,
            data.get("seq") if kind is OutboxKind.PUBLISH else None,
            dumps(data),
            place.tries if place else 0,
            place.due if place else now,
            place.created_at if place else now,
        ),
    )
    for old in place.row_ids if place else ():
        tx.replaced.note(old, int(cursor.lastrowid or 0))


def done(tx: Transaction, row_ids: Sequence[int]) -> None:
    """Remove rows that went out; what replaced one in the meantime starts afresh."""
    tx.db.executemany("DELETE FROM outbox WHERE row_id = ?", [(row_id,) for row_id in row_ids])
    now = micros(tx.now)
    for row_id in row_ids:
        for newer in tx.replaced.after(row_id):
            tx.db.execute(
                "UPDATE outbox SET tries = 0, due = ?, created_at = ? WHERE row_id = ?",
                (now, now, newer),
            )


def retry(tx: Transaction, row_id: int, due: datetime) -> None:
    """Put a row, or what replaced it in the meantime, off until `due`."""
    for each in (row_id, *tx.replaced.after(row_id)):
        tx.db.execute(
            "UPDATE outbox SET tries = tries + 1, due = ? WHERE row_id = ?", (micros(due), each)
        )


def due_rows(
    db: sqlite3.Connection, kinds: Sequence[OutboxKind], now: datetime, limit: int
) -> list[OutboxRow]:
    """The rows that may go out: of each job the oldest of these kinds, if it is due."""
    lane = json.dumps([kind.value for kind in kinds])
    found = db.execute(
        "SELECT row_id, job_id, kind, data, tries FROM outbox AS row "
        "WHERE kind IN (SELECT value FROM json_each(?1)) "
        "AND (due <= ?2 OR due > ?4) AND NOT EXISTS ("
        " SELECT 1 FROM outbox AS older WHERE older.job_id = row.job_id"
        " AND older.row_id < row.row_id"
        " AND older.kind IN (SELECT value FROM json_each(?1))) "
        "ORDER BY row_id LIMIT ?3",
        (lane, micros(now), limit, micros(now + LONGEST_WAIT)),
    )
    return [outbox_from(row) for row in found]


def rows_of(
    db: sqlite3.Connection, job_id: str, kinds: Sequence[OutboxKind], limit: int
) -> list[OutboxRow]:
    """A job's rows of these kinds in order, due or not."""
    lane = json.dumps([kind.value for kind in kinds])
    found = db.execute(
        "SELECT row_id, job_id, kind, data, tries FROM outbox WHERE job_id = ? "
        "AND kind IN (SELECT value FROM json_each(?)) ORDER BY row_id LIMIT ?",
        (job_id, lane, limit),
    )
    return [outbox_from(row) for row in found]


def forget_events(tx: Transaction) -> None:
    """Remove every row that would publish: there is nobody to publish to any more."""
    tx.db.execute("DELETE FROM outbox WHERE kind = 'publish'")


def lag(
    db: sqlite3.Connection, kinds: Sequence[OutboxKind], now: datetime, job_id: str | None
) -> tuple[int, float]:
    """How many rows of these kinds wait and for how many seconds the oldest does."""
    lane = json.dumps([kind.value for kind in kinds or OutboxKind])
    count, oldest = db.execute(
        "SELECT COUNT(*), MIN(created_at) FROM outbox "
        "WHERE kind IN (SELECT value FROM json_each(?1)) AND (?2 IS NULL OR job_id = ?2)",
        (lane, job_id),
    ).fetchone()
    return count, 0.0 if oldest is None else max(0.0, (micros(now) - oldest) / 1_000_000)
