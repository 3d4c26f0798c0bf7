"""The changes that services make, spelled once: what a move tells the world."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from jigdesk.domain import events, keys
from jigdesk.domain.changes import Change, OutboxDraft, OutboxKind, ResultFile, StageRun
from jigdesk.domain.errors import JobError
from jigdesk.domain.events import EventDraft
from jigdesk.domain.job import Failure, Job, JobStatus

STATUS = OutboxDraft(OutboxKind.STATUS)
STATE = OutboxDraft(OutboxKind.STATE)
_LATE = (JobStatus.UPLOADING, JobStatus.CONFIRMING)


def put_json(key: str, document: Mapping[str, Any]) -> OutboxDraft:
    """Write a JSON document to the store."""
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return OutboxDraft(
        OutboxKind.PUT, {"key": key, "body": body, "content_type": "application/json"}
    )


def progress_event(job: Job, **changed: Any) -> EventDraft:
    """`job:progress` for the row `job` after `changed` fields are set."""
    names = ("status", "stage", "node", "node_title", "progress", "eta_s")
    data = {name: changed.get(name, getattr(job, name)) for name in names}
    data["status"] = JobStatus(data["status"]).value
    return EventDraft(events.PROGRESS, data)


def moved(
    job: Job,
    to: JobStatus,
    *,
    outbox: Sequence[OutboxDraft] = (),
    stage_runs: Sequence[StageRun] = (),
    plan: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Change:
    """A move that is no end: sets `fields`, tells readers, rewrites status.json."""
    return Change(
        to=to,
        fields=fields,
        events=(progress_event(job, status=to, **fields),),
        outbox=(*outbox, STATUS),
        stage_runs=tuple(stage_runs),
        plan=plan,
    )


def completed(job: Job, files: Sequence[ResultFile]) -> Change:
    """The end that everybody wants: the files, twice, under the long and the short name."""
    data = {"files": [public_file(file) for file in files]}
    return Change(
        to=JobStatus.COMPLETED,
        fields={
            "progress": 1.0,
            "eta_s": 0.0,
            "node": None,
            "node_title": None,
            "message": "",
        },
        events=(EventDraft(events.COMPLETED, data), EventDraft(events.DONE_SHORT, data)),
        outbox=(STATUS, STATE),
    )


def failed(job: Job, failure: Failure, error_document: Mapping[str, Any]) -> Change:
    """The other ends: failed, or cancelled when the failure's code says so.

    Once results are on their way up output.json may be there, or about to be: it goes.
    """
    cancelled = failure.code.value == "cancelled"
    data = {
        "code": failure.code.value,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    return Change(
        to=JobStatus.CANCELLED if cancelled else JobStatus.FAILED,
        fields={"failure": failure, "message": failure.message, "eta_s": None},
        events=(EventDraft(events.FAILED, data), EventDraft(events.ERROR_SHORT, data)),
        outbox=(
            *((_delete(keys.output_json_key(job.job_id)),) if job.status in _LATE else ()),
            put_json(keys.error_json_key(job.job_id), error_document),
            STATUS,
            STATE,
        ),
    )


def next_attempt(job: Job, message: str, *, position: int | None, automatic: bool) -> Change:
    """Begin again: the old end's documents go first, and the picture of where it had got to."""
    data = {"status": JobStatus.ACCEPTED.value, "position": position}
    old = [
        keys.output_json_key(job.job_id),
        keys.error_json_key(job.job_id),
        keys.preview_key(job.job_id),
    ]
    return Change(
        to=JobStatus.ACCEPTED,
        new_attempt=True,
        fields={
            "message": message,
            "automatic_attempts": job.automatic_attempts + 1 if automatic else 0,
            "deaths": job.deaths if automatic else 0,
        },
        events=(EventDraft(events.ACCEPTED, data),),
        outbox=(_delete(*old), STATUS, STATE),
    )


def _delete(*removed: str) -> OutboxDraft:
    return OutboxDraft(OutboxKind.DELETE, {"keys": list(removed)})


def public_file(file: ResultFile) -> dict[str, Any]:
    """A file as events name it; its URL is added when it is sent."""
    return {"key": file.key, "kind": file.kind}


def failure_of(error: JobError, *, stage: str | None = None) -> Failure:
    """The failure that a JobError stands for; its details may name the node."""

    def text(name: str) -> str | None:
        value = error.details.get(name)
        return value if isinstance(value, str) else None

    return Failure(
        code=error.error_code,
        message=error.message,
        retryable=error.retryable,
        stage=stage,
        node=text("node"),
        node_title=text("node_title"),
        node_type=text("node_type"),
        field=error.field,
        details=text("details"),
        traceback=text("traceback"),
    )
