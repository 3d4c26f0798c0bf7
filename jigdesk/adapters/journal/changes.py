"""A change of a job: the row, its events, its stages and its outbox, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jigdesk.adapters.journal import eventlog, outbox, webhooks
from jigdesk.adapters.journal.rows import (
    JOB_COLUMNS,
    SELECT_JOB,
    clean,
    dumps,
    job_column,
    job_from,
    micros,
    search_text,
    stage_run_json,
)
from jigdesk.adapters.journal.writer import Transaction
from jigdesk.domain.changes import Acceptance, Arrival, Change, OutboxDraft, StageRun
from jigdesk.domain.events import Event, EventDraft
from jigdesk.domain.job import Failure, IllegalMove, Job, JobStatus, check_move

SETTABLE = frozenset(JOB_COLUMNS) - {
    "job_id",
    "status",
    "seq",
    "attempt",
    "created_at",
    "updated_at",
}
_RESET: Mapping[str, Any] = {
    "stage": None,
    "stage_index": None,
    "node": None,
    "node_title": None,
    "progress": None,
    "eta_s": None,
    "message": "",
    "failure": None,
    "started_at": None,
    "finished_at": None,
}
_TABLES_OF_A_JOB = (
    "DELETE FROM job_search WHERE id = (SELECT id FROM jobs WHERE job_id = ?)",
    "DELETE FROM jobs WHERE job_id = ?",
    "DELETE FROM events WHERE job_id = ?",
    "DELETE FROM early WHERE job_id = ?",
    "DELETE FROM attempts WHERE job_id = ?",
    "DELETE FROM stage_runs WHERE job_id = ?",
    "DELETE FROM outbox WHERE job_id = ?",
    "DELETE FROM plans WHERE job_id = ?",
)


class UnknownField(KeyError):
    """A bug: a Change sets what a Job does not have or what only the journal sets."""


def load(tx: Transaction, job_id: str) -> Job | None:
    """The row as it is in this transaction."""
    row = tx.db.execute(f"{SELECT_JOB} WHERE job_id = ?", (job_id,)).fetchone()
    return None if row is None else job_from(row)


def accept(tx: Transaction, arrival: Arrival, change: Change) -> Acceptance:
    """Create the job, unless the webhook or the job is known."""
    if change.to not in (None, JobStatus.ACCEPTED) or change.new_attempt:
        raise IllegalMove("a job begins as accepted, in its first attempt")
    known = arrival.webhook_id and webhooks.job_of(tx.db, arrival.webhook_id)
    job = load(tx, known or arrival.job_id) or load(tx, arrival.job_id)
    if job is not None:
        return Acceptance(job, duplicate=True)
    if arrival.webhook_id:  # one that only repeats what is known may speak of another job later
        webhooks.remember(tx, arrival.webhook_id, arrival.job_id)
    (order,) = tx.db.execute("SELECT COALESCE(MAX(queue_order), 0) + 1 FROM jobs").fetchone()
    job = Job(
        job_id=arrival.job_id,
        bucket=arrival.bucket,
        status=JobStatus.ACCEPTED,
        seq=eventlog.last_seq(tx.db, arrival.job_id),
        attempt=1,
        created_at=tx.now,
        updated_at=tx.now,
        owner_id=arrival.owner_id,
        queue_order=order,
    )
    _insert(tx, job)
    tx.db.execute("DELETE FROM early WHERE job_id = ?", (job.job_id,))
    _open_attempt(tx, job, str(change.fields.get("message", "")))
    return Acceptance(_change(tx, job, change), duplicate=False)


def apply(
    tx: Transaction, job_id: str, change: Change, expect: Collection[JobStatus] | None
) -> Job | None:
    """Change a job; None, with nothing done, when its status is not expected."""
    job = load(tx, job_id)
    if job is None:
        raise KeyError(job_id)
    if expect is not None and job.status not in expect:
        return None
    return _change(tx, job, change)


def record_event(
    tx: Transaction, job_id: str, draft: EventDraft, owed: Sequence[OutboxDraft] = ()
) -> Event:
    """Append an event to a job that need not exist yet, and what it owes the outside."""
    job = load(tx, job_id)
    seq = (eventlog.last_seq(tx.db, job_id) if job is None else job.seq) + 1
    event, place = eventlog.append(tx, job_id, seq, draft)
    outbox.enqueue(tx, job_id, owed, (seq,), {} if place is None else {seq: place})
    if job is None:
        tx.db.execute(
            "INSERT INTO early VALUES (?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
            (job_id, micros(tx.now)),
        )
    else:
        tx.jobs.append(_update(tx, job, replace(job, seq=seq)))
    return event


def forget(tx: Transaction, job_id: str) -> None:
    """Remove a job, and its webhooks too, so that a later arrival is a new one."""
    remove(tx, job_id)
    tx.db.execute("DELETE FROM webhooks WHERE job_id = ?", (job_id,))


def remove(tx: Transaction, job_id: str) -> None:
    """Delete a job's rows from every table but the webhooks."""
    for statement in _TABLES_OF_A_JOB:
        tx.db.execute(statement, (job_id,))


def _change(tx: Transaction, job: Job, change: Change) -> Job:
    to = job.status if change.to is None else change.to
    check_move(job.status, to)
    if job.status.is_final and to is not job.status and not change.new_attempt:
        raise IllegalMove(f"a job leaves {job.status} only by a new attempt")
    if change.new_attempt and to.is_final:
        raise IllegalMove(f"a new attempt cannot begin as {to}")
    if unknown := change.fields.keys() - SETTABLE:
        raise UnknownField(f"a Change cannot set {', '.join(sorted(unknown))} of a Job")
    fields: dict[str, Any] = {
        name: clean(value) if isinstance(value, str) else value
        for name, value in change.fields.items()
    }
    attempt = job.attempt
    if change.new_attempt:
        ended_by = fields.pop("failure", None)
        fields = {**_RESET, **fields}
        _close_attempt(tx, job, JobStatus.FAILED, ended_by, str(fields["message"]))
        attempt += 1
    if to.is_final and not job.status.is_final and fields.get("finished_at") is None:
        fields["finished_at"] = tx.now
    seqs = range(job.seq + 1, job.seq + 1 + len(change.events))
    new = replace(
        job,
        **fields,
        status=to,
        attempt=attempt,
        seq=job.seq + len(change.events),
        updated_at=tx.now,
    )
    _update(tx, job, new)
    if change.new_attempt:
        _open_attempt(tx, new, new.message)
    elif to.is_final and not job.status.is_final:
        _close_attempt(tx, new, to, new.failure, new.message)
    _store_runs(tx, job.job_id, change.stage_runs)
    if change.plan is not None:
        tx.db.execute(
            "INSERT OR REPLACE INTO plans VALUES (?, ?)", (job.job_id, dumps(change.plan))
        )
    places = {}
    for seq, draft in zip(seqs, change.events, strict=True):
        _, place = eventlog.append(tx, job.job_id, seq, draft)
        if place is not None:
            places[seq] = place
    outbox.enqueue(tx, job.job_id, change.outbox, seqs, places)
    tx.jobs.append(new)
    return new


def _insert(tx: Transaction, job: Job) -> None:
    values = [job_column(name, getattr(job, name)) for name in JOB_COLUMNS]
    marks = ", ".join("?" * len(values))
    names = ", ".join(JOB_COLUMNS)
    cursor = tx.db.execute(
        f"INSERT INTO jobs ({names}) VALUES ({marks})",  # noqa: S608  our own column names
        values,
    )
    tx.db.execute("INSERT INTO job_search VALUES (?, ?)", (cursor.lastrowid, search_text(job)))


def _update(tx: Transaction, old: Job, new: Job) -> Job:
    """Write the columns that differ: SQLite rewrites the index of every column it is given."""
    names = [name for name in JOB_COLUMNS if getattr(old, name) != getattr(new, name)]
    if names:
        assignments = ", ".join(f"{name} = ?" for name in names)
        tx.db.execute(
            f"UPDATE jobs SET {assignments} WHERE job_id = ?",  # noqa: S608  our own column names
            (*(job_column(name, getattr(new, name)) for name in names), new.job_id),
        )
    if (text := search_text(new)) != search_text(old):
        tx.db.execute(
            "UPDATE job_search SET text = ? WHERE id = (SELECT id FROM jobs WHERE job_id = ?)",
            (text, new.job_id),
        )
    return new


def _open_attempt(tx: Transaction, job: Job, reason: str) -> None:
    tx.db.execute(
        "INSERT INTO attempts (job_id, attempt, started_at, reason) VALUES (?, ?, ?, ?)",
        (job.job_id, job.attempt, micros(tx.now), clean(reason)),
    )


def _close_attempt(
    tx: Transaction, job: Job, status: JobStatus, failure: Failure | None, message: str
) -> None:
    tx.db.execute(
        "UPDATE attempts SET ended_at = ?, status = ?, code = ?, message = ? "
        "WHERE job_id = ? AND attempt = ? AND ended_at IS NULL",
        (
            micros(tx.now),
            status.value,
            failure.code.value if failure else None,
            clean(failure.message if failure else message) or None,
            job.job_id,
            job.attempt,
        ),
    )


def _store_runs(tx: Transaction, job_id: str, runs: Sequence[StageRun]) -> None:
    for run in runs:
        tx.db.execute(
            "INSERT OR REPLACE INTO stage_runs VALUES (?, ?, ?, ?, ?)",
            (job_id, clean(run.stage), run.attempt, micros(run.started_at), stage_run_json(run)),
        )
