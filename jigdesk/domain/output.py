"""output.json and error.json: how a job's end is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.job import Failure


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a job's time went, in seconds, over all its stages."""

    queued_s: float
    load_s: float
    run_s: float
    upload_s: float


def output_document(
    job_id: str,
    attempt: int,
    *,
    completed_at: str,
    duration_s: float,
    timings: Timings,
    files: Iterable[ResultFile],
) -> dict[str, Any]:
    """The content of output.json, the commit marker; `completed_at` is RFC 3339."""
    return {
        "version": 1,
        "job_id": job_id,
        "attempt": attempt,
        "completed_at": completed_at,
        "duration_s": round(duration_s, 3),
        "timings": {item.name: round(getattr(timings, item.name), 3) for item in fields(timings)},
        "files": [file_document(file) for file in files],
    }


def file_document(file: ResultFile) -> dict[str, Any]:
    """One result as output.json lists it."""
    return {item.name: getattr(file, item.name) for item in fields(file)}


def read_files(document: Mapping[str, Any]) -> tuple[ResultFile, ...]:
    """The results that an output.json lists; what is unknown in an entry is ignored.

    Raises ValueError for an unknown version or an entry that lacks what every result has.
    """
    if document.get("version") != 1:
        raise ValueError(f"unknown version of output.json: {document.get('version')!r:.40}")
    known = [item.name for item in fields(ResultFile)]
    listed = document.get("files")
    if not isinstance(listed, list):
        raise ValueError("output.json has no list of files")  # noqa: TRY004 - one kind for callers
    try:
        return tuple(
            ResultFile(**{name: entry[name] for name in known if name in entry}) for entry in listed
        )
    except (TypeError, KeyError) as exc:
        raise ValueError("output.json lists a file without what every result has") from exc


def error_document(
    job_id: str, attempt: int, failure: Failure, *, failed_at: str
) -> dict[str, Any]:
    """The content of error.json; `failed_at` is RFC 3339. The traceback stays in the desk."""
    return {
        "version": 1,
        "job_id": job_id,
        "attempt": attempt,
        "failed_at": failed_at,
        "code": failure.code.value,
        "message": failure.message,
        "stage": failure.stage,
        "node": failure.node,
        "node_title": failure.node_title,
        "node_type": failure.node_type,
        "details": failure.details,
        "retryable": failure.retryable,
    }
