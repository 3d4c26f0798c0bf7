"""Which webhooks were answered with 202: remembered for a month, so that none counts twice."""

from __future__ import annotations

import sqlite3
from datetime import timedelta

from jigdesk.adapters.journal.rows import clean, micros
from jigdesk.adapters.journal.writer import Transaction

KEPT_FOR = timedelta(days=30)
KEPT = 200_000
_DROPPED_AT_ONCE = 20


def job_of(db: sqlite3.Connection, webhook_id: str) -> str | None:
    """The job id that came with it; None when unknown."""
    row = db.execute(
        "SELECT job_id FROM webhooks WHERE webhook_id = ?", (clean(webhook_id),)
    ).fetchone()
    return None if row is None else str(row[0])


def remember(tx: Transaction, webhook_id: str, job_id: str) -> None:
    """Note a webhook, and drop a few of the oldest where there are too many."""
    cursor = tx.db.execute(
        "INSERT INTO webhooks (webhook_id, job_id, received_at) VALUES (?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (clean(webhook_id), job_id, micros(tx.now)),
    )
    if cursor.rowcount:
        tx.db.execute(
            "DELETE FROM webhooks WHERE id IN ("
            " SELECT id FROM webhooks WHERE received_at < ? ORDER BY received_at LIMIT ?)",
            (micros(tx.now - KEPT_FOR), _DROPPED_AT_ONCE),
        )
        # ids only grow: the span of ids bounds the count without counting
        tx.db.execute(
            "DELETE FROM webhooks WHERE id IN ("
            " SELECT id FROM webhooks WHERE id <= ? ORDER BY id LIMIT ?)",
            ((cursor.lastrowid or 0) - KEPT, _DROPPED_AT_ONCE),
        )
