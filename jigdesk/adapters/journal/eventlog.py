"""The events of a job: appended with a growing seq, and bounded.

Of `job:progress` only the first and the newest stay, of each status in each stage; of
everything else the newest KEPT of each name. So a job's history has a size that does not depend
on how long it ran, and still shows every stage and every move.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from jigdesk.adapters.journal import outbox
from jigdesk.adapters.journal.rows import clean, dumps, event_from, micros
from jigdesk.adapters.journal.writer import Transaction
from jigdesk.domain import events
from jigdesk.domain.events import Event, EventDraft

KEPT = 200
KEPT_FILES = 2_000


def last_seq(db: sqlite3.Connection, job_id: str) -> int:
    """The newest seq of a job's events, 0 when it has none."""
    (seq,) = db.execute("SELECT MAX(seq) FROM events WHERE job_id = ?", (job_id,)).fetchone()
    return seq or 0


def page(db: sqlite3.Connection, job_id: str, after_seq: int, limit: int) -> list[Event]:
    """Events after `after_seq`, in order."""
    found = db.execute(
        "SELECT job_id, seq, name, at, data FROM events WHERE job_id = ? AND seq > ? "
        "ORDER BY seq LIMIT ?",
        (job_id, after_seq, limit),
    )
    return [event_from(row) for row in found]


def append(
    tx: Transaction, job_id: str, seq: int, draft: EventDraft
) -> tuple[Event, outbox.Place | None]:
    """Add an event; also returns the place in the outbox of what it superseded."""
    topic = None
    if draft.name == events.PROGRESS:
        topic = dumps([draft.data.get("status"), draft.data.get("stage")])
    tx.db.execute(
        "INSERT INTO events (job_id, seq, name, topic, at, data) VALUES (?, ?, ?, ?, ?, ?)",
        (job_id, seq, clean(draft.name), topic, micros(tx.now), dumps(draft.data)),
    )
    event = Event(job_id, seq, draft.name, tx.now, draft.data)
    tx.events.append(event)
    if topic is not None:
        superseded = _older_progress(tx, job_id, seq, topic)
    else:
        superseded = _too_many(tx, job_id, draft.name)
    return event, _drop(tx, job_id, superseded)


def _older_progress(tx: Transaction, job_id: str, seq: int, topic: str) -> Sequence[int]:
    found = tx.db.execute(
        "SELECT seq FROM events WHERE job_id = ? AND name = ? AND seq < ? AND topic = ? "
        "ORDER BY seq",
        (job_id, events.PROGRESS, seq, topic),
    ).fetchall()
    return [row[0] for row in found[1:]]


def _too_many(tx: Transaction, job_id: str, name: str) -> Sequence[int]:
    kept = KEPT_FILES if name == events.NEW_FILES else KEPT
    found = tx.db.execute(
        "SELECT seq FROM events WHERE job_id = ? AND name = ? ORDER BY seq DESC LIMIT -1 OFFSET ?",
        (job_id, clean(name), kept),
    )
    return [row[0] for row in found]


def _drop(tx: Transaction, job_id: str, seqs: Sequence[int]) -> outbox.Place | None:
    if not seqs:
        return None
    tx.db.execute(
        "DELETE FROM events WHERE job_id = ? AND seq IN (SELECT value FROM json_each(?))",
        (job_id, json.dumps(list(seqs))),
    )
    return outbox.unpublish(tx, job_id, seqs)
