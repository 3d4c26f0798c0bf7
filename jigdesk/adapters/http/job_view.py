"""A job as the owner sees it: with everything that browsers are not shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from jigdesk.adapters.http.request_log import LoggedRequest
from jigdesk.domain.changes import Attempt, StageRun
from jigdesk.domain.check import Check
from jigdesk.domain.clock import to_rfc3339
from jigdesk.domain.events import Event
from jigdesk.domain.job import Failure, Job


def job_row(job: Job) -> dict[str, Any]:
    """One line of the list; the failure without its traceback."""
    return {
        "job_id": job.job_id,
        "status": job.status.value,
        "seq": job.seq,
        "attempt": job.attempt,
        "owner_id": job.owner_id,
        "bucket": job.bucket,
        "workflow": job.workflow,
        "stage": job.stage,
        "stage_index": job.stage_index,
        "stage_count": job.stage_count,
        "node": job.node,
        "node_title": job.node_title,
        "progress": job.progress,
        "eta_s": job.eta_s,
        "message": job.message,
        "priority": job.priority,
        "queue_order": job.queue_order,
        "automatic_attempts": job.automatic_attempts,
        "deaths": job.deaths,
        "created_at": _time(job.created_at),
        "updated_at": _time(job.updated_at),
        "started_at": _time(job.started_at),
        "finished_at": _time(job.finished_at),
        "failure": None if job.failure is None else _failure(job.failure, traceback=False),
    }


def job_detail(
    job: Job,
    *,
    events: Sequence[Event],
    events_truncated: bool,
    attempts: Sequence[Attempt],
    runs: Sequence[StageRun],
    plan: Mapping[str, Any] | None,
    request: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Everything about one job; `plan` and `request` are None while they are not known."""
    return {
        **job_row(job),
        "failure": None if job.failure is None else _failure(job.failure, traceback=True),
        "events": [event_view(event) for event in events],
        "events_truncated": events_truncated,
        "attempts": [_attempt(attempt) for attempt in attempts],
        "timings": timings(job, attempts, runs),
        "stages": [_run(run) for run in runs],
        "manifests": {
            "request": None if request is None else dict(request),
            "plan": None if plan is None else dict(plan),
        },
    }


def timings(job: Job, attempts: Sequence[Attempt], runs: Sequence[StageRun]) -> dict[str, Any]:
    """Seconds of the current attempt; None where a span has not ended (or never began)."""
    begun = attempts[-1].started_at if attempts else job.created_at
    mine = [run for run in runs if run.attempt == job.attempt]
    # Of an earlier attempt's start nothing is learned about this one.
    started = job.started_at if job.started_at is not None and job.started_at >= begun else None
    ended = job.finished_at if job.finished_at is not None and job.finished_at >= begun else None
    return {
        "queued_s": None if started is None else (started - begun).total_seconds(),
        "load_s": sum(run.load_s for run in mine),
        "run_s": sum(run.run_s for run in mine),
        "upload_s": sum(run.upload_s for run in mine),
        "total_s": None if ended is None else (ended - begun).total_seconds(),
    }


def event_view(event: Event) -> dict[str, Any]:
    """One event of the history."""
    return {
        "event": event.name,
        "seq": event.seq,
        "at": to_rfc3339(event.at),
        "data": {"job_id": event.job_id, "seq": event.seq, **event.data},
    }


def request_view(entry: LoggedRequest) -> dict[str, Any]:
    """One logged request."""
    return {
        "id": entry.id,
        "at": to_rfc3339(entry.at),
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "verdict": entry.verdict,
        "reason": entry.reason,
        "latency_s": round(entry.latency_s, 6),
        "source": entry.source,
        "size_bytes": entry.size_bytes,
        "headers": [{"name": name, "value": value} for name, value in entry.headers],
        "body": entry.body_text,
        "body_cut": entry.body_cut,
        "answer": entry.answer,
    }


def health_view(checks: Sequence[Check]) -> dict[str, Any]:
    """The checks and the worst of their levels."""
    levels = [check.level for check in checks]
    worst = next((level for level in ("error", "warning") if level in levels), "ok")
    return {"level": worst, "checks": [check.to_dict() for check in checks]}


def _failure(failure: Failure, *, traceback: bool) -> dict[str, Any]:
    view = asdict(failure) | {"code": failure.code.value}
    if not traceback:
        del view["traceback"]
    return view


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.attempt,
        "reason": attempt.reason,
        "started_at": _time(attempt.started_at),
        "ended_at": _time(attempt.ended_at),
        "status": None if attempt.status is None else attempt.status.value,
        "code": attempt.code,
        "message": attempt.message,
    }


def _run(run: StageRun) -> dict[str, Any]:
    return {
        "stage": run.stage,
        "attempt": run.attempt,
        "prompt_id": run.prompt_id,
        "state": run.state.value,
        "started_at": _time(run.started_at),
        "ended_at": _time(run.ended_at),
        "load_s": run.load_s,
        "run_s": run.run_s,
        "upload_s": run.upload_s,
        "files": [asdict(file) for file in run.files],
        "nodes": {node: dict(times) for node, times in run.nodes.items()},
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else to_rfc3339(moment)
