"""What the services read of one job, and of the queue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from jigdesk.adapters.journal.rows import SELECT_JOB, attempt_from, job_from, stage_run_from
from jigdesk.domain.changes import Attempt, Kin, StageRun
from jigdesk.domain.job import Job


def job(db: sqlite3.Connection, job_id: str) -> Job | None:
    """The row; None when unknown."""
    row = db.execute(f"{SELECT_JOB} WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else job_from(row)


def active(db: sqlite3.Connection) -> list[Job]:
    """Every job that is not final, in the order of the queue."""
    found = db.execute(
        f"{SELECT_JOB} WHERE status NOT IN ('completed', 'failed', 'cancelled') "
        "ORDER BY priority DESC, queue_order, id"
    )
    return [job_from(row) for row in found]


def plan(db: sqlite3.Connection, job_id: str) -> Mapping[str, Any] | None:
    """The plan as JSON; None before it is made."""
    row = db.execute("SELECT data FROM plans WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        return None
    value: Mapping[str, Any] = json.loads(row[0])
    return value


def stage_runs(db: sqlite3.Connection, job_id: str) -> list[StageRun]:
    """The newest attempt's run of each stage, in the order in which they began."""
    found = db.execute(
        "SELECT data, MAX(attempt) FROM stage_runs WHERE job_id = ? "
        "GROUP BY stage ORDER BY started_at, stage",
        (job_id,),
    )
    return [stage_run_from(data) for data, _ in found]


def attempts(db: sqlite3.Connection, job_id: str) -> list[Attempt]:
    """Every attempt, oldest first."""
    found = db.execute(
        "SELECT attempt, started_at, reason, ended_at, status, code, message FROM attempts "
        "WHERE job_id = ? ORDER BY attempt",
        (job_id,),
    )
    return [attempt_from(row) for row in found]


def node_seconds(db: sqlite3.Connection, workflow: str) -> dict[str, float]:
    """Learned seconds per node id."""
    found = db.execute("SELECT node, seconds FROM node_seconds WHERE workflow = ?", (workflow,))
    return dict(found.fetchall())


def queue_flag(db: sqlite3.Connection, name: str) -> str | None:
    """The reason of a flag; None when unset."""
    row = db.execute("SELECT reason FROM queue_flags WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def family(db: sqlite3.Connection, job_id: str, limit: int) -> list[Kin]:
    """The tree of branches that a job is in, parents before their branches; empty when alone.

    A tree of more than `limit` jobs is cut to the job's own line: what it comes from, itself,
    and what comes from it.
    """
    line = [job_id]
    while (parent := _parent(db, line[-1])) is not None and parent not in line:
        if len(line) >= limit:
            break
        line.append(parent)
    found = _tree(db, line[-1], limit + 1, ())
    if len(found) > limit:
        found = _tree(db, line[-1], limit, line)
    return found if len(found) > 1 else []


def _parent(db: sqlite3.Connection, job_id: str) -> str | None:
    row = db.execute("SELECT parent_id FROM plans WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else row[0]


def _tree(db: sqlite3.Connection, first: str, limit: int, line: Collection[str]) -> list[Kin]:
    """At most `limit` jobs from `first` down; of the ancestors in `line` only that line."""
    ancestors = set(tuple(line)[1:])
    waiting = [Kin(first, 0)]
    found: dict[str, Kin] = {}
    while waiting and len(found) < limit:
        kin = waiting.pop()
        if kin.job_id in found:
            continue
        found[kin.job_id] = replace(kin, job=job(db, kin.job_id))
        rows = db.execute(
            "SELECT job_id, parent_stage FROM plans LEFT JOIN jobs USING (job_id) "
            "WHERE parent_id = ? ORDER BY created_at DESC, id DESC LIMIT ?",
            (kin.job_id, limit),
        ).fetchall()
        waiting += [
            Kin(child, kin.depth + 1, kin.job_id, stage)
            for child, stage in rows
            if kin.job_id not in ancestors or child in line
        ]
    return list(found.values())
