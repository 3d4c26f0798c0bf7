"""Values to columns and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from jigdesk.domain.changes import Attempt, OutboxKind, OutboxRow, ResultFile, StageRun, StageState
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.events import Event
from jigdesk.domain.job import Failure, Job, JobStatus

JOB_COLUMNS = tuple(field.name for field in fields(Job))
SELECT_JOB = f"SELECT {', '.join(JOB_COLUMNS)} FROM jobs"  # noqa: S608  our own column names

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIMES = frozenset({"created_at", "updated_at", "started_at", "finished_at"})


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly; raises TypeError for a time without a zone."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(value: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


def clean(text: str) -> str:
    """`text` with lone surrogates (which JSON can smuggle in, UTF-8 not) replaced."""
    return text.encode("utf-8", "replace").decode()


def dumps(value: Any) -> str:
    """JSON of a frozen value; raises TypeError or ValueError for what JSON has no word for."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def job_column(name: str, value: Any) -> Any:
    """What is stored for the field `name` of a Job."""
    if value is None:
        return None
    if name in _TIMES:
        return micros(value)
    if name == "failure":
        return dumps(asdict(value))
    if isinstance(value, JobStatus):
        return value.value
    return clean(value) if isinstance(value, str) else value


def job_from(row: tuple[Any, ...]) -> Job:
    """The Job of a row of SELECT_JOB."""
    value = dict(zip(JOB_COLUMNS, row, strict=True))
    value["status"] = JobStatus(value["status"])
    for name in _TIMES:
        if value[name] is not None:
            value[name] = moment(value[name])
    if value["failure"] is not None:
        failure = json.loads(value["failure"])
        value["failure"] = Failure(**{**failure, "code": ErrorCode(failure["code"])})
    return Job(**value)


def search_text(job: Job) -> str:
    """What a search looks through."""
    parts = (job.job_id, job.owner_id or "", job.workflow or "", job.message)
    return clean("\n".join(parts)).lower()


def event_from(row: tuple[Any, ...]) -> Event:
    """The Event of a row (job_id, seq, name, at, data)."""
    job_id, seq, name, at, data = row
    return Event(job_id, seq, name, moment(at), json.loads(data))


def attempt_from(row: tuple[Any, ...]) -> Attempt:
    """The Attempt of a row (attempt, started_at, reason, ended_at, status, code, message)."""
    attempt, started_at, reason, ended_at, status, code, message = row
    return Attempt(
        attempt=attempt,
        started_at=moment(started_at),
        reason=reason,
        ended_at=None if ended_at is None else moment(ended_at),
        status=None if status is None else JobStatus(status),
        code=code,
        message=message,
    )


def outbox_from(row: tuple[Any, ...]) -> OutboxRow:
    """The OutboxRow of a row (row_id, job_id, kind, data, tries)."""
    row_id, job_id, kind, data, tries = row
    return OutboxRow(row_id, job_id, OutboxKind(kind), json.loads(data), tries)


def stage_run_json(run: StageRun) -> str:
    """All of a StageRun."""
    value = {field.name: getattr(run, field.name) for field in fields(run)}
    value["started_at"] = micros(run.started_at)
    value["ended_at"] = None if run.ended_at is None else micros(run.ended_at)
    value["files"] = [asdict(file) for file in run.files]
    return dumps(value)


def stage_run_from(data: str) -> StageRun:
    """The inverse of `stage_run_json`."""
    value = json.loads(data)
    value["state"] = StageState(value["state"])
    value["started_at"] = moment(value["started_at"])
    value["ended_at"] = None if value["ended_at"] is None else moment(value["ended_at"])
    value["files"] = tuple(ResultFile(**file) for file in value["files"])
    return StageRun(**value)
