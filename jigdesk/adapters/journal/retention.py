"""Retention: old jobs leave, a few at a time, so that the file keeps its size over months."""

from __future__ import annotations

from datetime import datetime

from jigdesk.adapters.journal.changes import remove
from jigdesk.adapters.journal.rows import micros
from jigdesk.adapters.journal.writer import Transaction

BATCH = 50


def prune_some(tx: Transaction, finished_before: datetime, keep: int) -> int:
    """Delete up to BATCH final jobs, oldest first: too old, or beyond the newest `keep`."""
    before = micros(finished_before)
    (final,) = tx.db.execute(
        "SELECT COUNT(*) FROM jobs WHERE +status IN ('completed', 'failed', 'cancelled')"
    ).fetchone()
    found = tx.db.execute(
        "SELECT job_id, finished_key FROM jobs "
        "WHERE +status IN ('completed', 'failed', 'cancelled') AND NOT EXISTS ("
        " SELECT 1 FROM outbox WHERE outbox.job_id = jobs.job_id) "
        "ORDER BY finished_key, id LIMIT ?",
        (BATCH,),
    ).fetchall()
    gone = 0
    for index, (job_id, finished) in enumerate(found):
        if finished >= before and index >= final - keep:
            break
        remove(tx, job_id)
        gone += 1
    return gone


def prune_early(tx: Transaction, before: datetime) -> int:
    """Delete events of up to BATCH jobs that never came, the newest older than `before`."""
    found = tx.db.execute(
        "SELECT job_id FROM early WHERE at < ? ORDER BY at LIMIT ?", (micros(before), BATCH)
    ).fetchall()
    for (job_id,) in found:
        remove(tx, job_id)
    return len(found)
