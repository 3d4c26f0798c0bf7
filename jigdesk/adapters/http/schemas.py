"""The JSON that the routes take and answer, as the components of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import JobStatus
from jigdesk.domain.webhooks import MAX_KEYS

Schema = dict[str, Any]

_UUID = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
EXAMPLE_JOB_ID = "7d1f0c3e-0000-4000-8000-0000000000e2"


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
    }


def _list(item: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": item} | ({} if most is None else {"maxItems": most})


def _page(item: str) -> Schema:
    return _object({"items": _list(_ref(item)), "next_cursor": _NULL_TEXT})


_TEXT: Schema = {"type": "string"}
_NULL_TEXT: Schema = {"type": ["string", "null"]}
_INT: Schema = {"type": "integer"}
_NULL_INT: Schema = {"type": ["integer", "null"]}
_NULL_NUMBER: Schema = {"type": ["number", "null"]}
_BOOL: Schema = {"type": "boolean"}
_TIME: Schema = {"type": "string", "format": "date-time"}
_NULL_TIME: Schema = {"type": ["string", "null"], "format": "date-time"}
_ANY: Schema = {"type": "object", "additionalProperties": True}
_NULL_ANY: Schema = {"type": ["object", "null"], "additionalProperties": True}
_HEADERS: Schema = {"type": "object", "additionalProperties": _TEXT}


def components() -> dict[str, Schema]:
    """Every named schema."""
    return {**_shared(), **_webhooks(), **_jobs_api(), **_control()}


def _shared() -> dict[str, Schema]:
    return {
        "AnyObject": _ANY,
        "JobId": {"type": "string", "pattern": _UUID, "examples": [EXAMPLE_JOB_ID]},
        "JobStatus": {"type": "string", "enum": [status.value for status in JobStatus]},
        "Error": _object(
            {"error": _object({"code": _TEXT, "message": _TEXT}, {"field": _TEXT})},
        ),
        "Health": _object({"status": {"const": "ok"}}, {"proof": _TEXT}),
        "Ready": _object({"status": {"const": "ready"}}),
        "NotReady": _object(
            {"error": _object({"code": _TEXT, "message": _TEXT}), "reasons": _list(_TEXT)}
        ),
    }


def _webhooks() -> dict[str, Schema]:
    head: dict[str, Schema] = {"version": {"const": 1}, "job_id": _ref("JobId")}
    tail: dict[str, Schema] = {"event_time": {"type": "string", "maxLength": 64}}
    bucket: dict[str, Schema] = {"bucket": {"type": "string", "minLength": 1, "maxLength": 255}}
    keys = _list({"type": "string", "minLength": 1, "maxLength": 1024}, MAX_KEYS)
    return {
        "JobCreated": _object(
            {**head, "type": {"const": "JobCreated"}, **bucket, "keys": keys, **tail}
        ),
        "JobOutput": _object(
            {**head, "type": {"const": "JobOutput"}, **bucket, "new_files": keys, **tail}
        ),
        "JobCommand": _object(
            {
                **head,
                "type": {"const": "JobCommand"},
                "command": {"enum": ["cancel", "retry"]},
                **tail,
            }
        ),
        "Receipt": _object(
            {"job_id": _ref("JobId"), "status": _ref("JobStatus"), "duplicate": _BOOL}
        ),
    }


def _jobs_api() -> dict[str, Schema]:
    upload = {"method": _TEXT, "url": _TEXT, "headers": _HEADERS, "expires_at": _TIME}
    file = _object(
        {"key": _TEXT, "kind": _TEXT, "stage": _NULL_TEXT, "url": _TEXT},
        {
            "output": _NULL_TEXT,
            "node": _NULL_TEXT,
            "index": _NULL_INT,
            "content_type": _NULL_TEXT,
            "size_bytes": _NULL_INT,
            "sha256": _NULL_TEXT,
            "width": _NULL_INT,
            "height": _NULL_INT,
            "duration_s": _NULL_NUMBER,
            "partial": _BOOL,
            "thumb_url": _TEXT,
        },
    )
    return {
        "NewJob": _object(
            {
                "request": _ANY | {"description": "request.json without version and ids."},
                "files": _list(
                    _object(
                        {"name": _TEXT, "size_bytes": _INT, "content_type": _TEXT},
                        {"sha256": _NULL_TEXT},
                    )
                ),
            },
            {"client_id": _TEXT},
        ),
        "JobTicket": _object(
            {
                "job_id": _ref("JobId"),
                "channel": _TEXT,
                "uploads": _list(_object({"name": _TEXT, **upload})),
                "manifest_upload": _object(upload),
            },
            {"request": _ANY | {"description": "What to upload as request.json."}},
        ),
        "Job": _object(
            {"job_id": _ref("JobId"), "status": {"anyOf": [_ref("JobStatus"), {"type": "null"}]}},
            {
                "version": {"const": 1},
                "seq": _INT,
                "title": _TEXT,
                "workflows": _list(_TEXT),
                "channel": _TEXT,
                "stage": _NULL_TEXT,
                "stage_index": _NULL_INT,
                "stage_count": _NULL_INT,
                "node": _NULL_TEXT,
                "node_title": _NULL_TEXT,
                "progress": _NULL_NUMBER,
                "eta_s": _NULL_NUMBER,
                "message": _NULL_TEXT,
                "attempt": _NULL_INT,
                "host_id": _NULL_TEXT,
                "created_at": _NULL_TIME,
                "updated_at": _NULL_TIME,
                "error": {"anyOf": [_ref("JobFailure"), {"type": "null"}]},
                "files": _list(file),
                "preview_url": _NULL_TEXT,
                "preview_at": _NULL_TIME,
                "ticket": _TEXT,
            },
        ),
        "JobFailure": _object(
            {
                "code": {"enum": [code.value for code in ErrorCode]},
                "message": _TEXT,
                "retryable": _BOOL,
            }
        ),
        "CommandAnswer": _object({"job_id": _ref("JobId"), "status": _ref("JobStatus")}),
        "JobList": _object(
            {"items": _list(_ref("Job")), "next_cursor": _NULL_TEXT}, {"truncated": _BOOL}
        ),
        "Workflow": _object(
            {
                "name": _TEXT,
                "title": _TEXT,
                "description": _TEXT,
                "inputs": _list(_object({"name": _TEXT, "kind": _TEXT, "max_bytes": _NULL_INT})),
                "outputs": _list(_object({"name": _TEXT, "kind": _TEXT, "partial": _BOOL})),
                "params": _ANY | {"description": "JSON Schema of the parameters."},
            }
        ),
        "WorkflowList": _page("Workflow"),
        "PusherSubscription": _object({"socket_id": _TEXT, "channel_name": _TEXT}),
        "PusherAuth": _object({"auth": _TEXT}),
    }


def _control() -> dict[str, Schema]:
    row: dict[str, Schema] = {
        "job_id": _ref("JobId"),
        "status": _ref("JobStatus"),
        "seq": _INT,
        "attempt": _INT,
        "owner_id": _NULL_TEXT,
        "bucket": _TEXT,
        "workflow": _NULL_TEXT,
        "stage": _NULL_TEXT,
        "stage_index": _NULL_INT,
        "stage_count": _NULL_INT,
        "node": _NULL_TEXT,
        "node_title": _NULL_TEXT,
        "progress": _NULL_NUMBER,
        "eta_s": _NULL_NUMBER,
        "message": _TEXT,
        "priority": _INT,
        "queue_order": _INT,
        "automatic_attempts": _INT,
        "deaths": _INT,
        "created_at": _TIME,
        "updated_at": _TIME,
        "started_at": _NULL_TIME,
        "finished_at": _NULL_TIME,
        "failure": _NULL_ANY,
    }
    detail: dict[str, Schema] = {
        "events": _list(_object({"event": _TEXT, "seq": _INT, "at": _TIME, "data": _ANY})),
        "events_truncated": _BOOL,
        "attempts": _list(_ANY),
        "timings": _object(
            {
                "queued_s": _NULL_NUMBER,
                "load_s": {"type": "number"},
                "run_s": {"type": "number"},
                "upload_s": {"type": "number"},
                "total_s": _NULL_NUMBER,
            }
        ),
        "stages": _list(_ANY),
        "manifests": _object({"request": _NULL_ANY, "plan": _NULL_ANY}),
    }
    logged = {
        "id": _TEXT,
        "at": _TIME,
        "method": _TEXT,
        "path": _TEXT,
        "status": _INT,
        "verdict": {"enum": ["accepted", "duplicate", "ok", "refused", "unavailable", "failed"]},
        "reason": _TEXT,
        "latency_s": {"type": "number"},
        "source": _TEXT,
        "size_bytes": _INT,
        "headers": _list(_object({"name": _TEXT, "value": _TEXT})),
        "body": _TEXT,
        "body_cut": _BOOL,
        "answer": _TEXT,
    }
    check = {
        "name": _TEXT,
        "level": {"enum": ["ok", "warning", "error"]},
        "message": _TEXT,
        "remedy": _TEXT,
        "checked_at": _NULL_TIME,
    }
    gpu = {
        "name": _TEXT,
        "busy": _NULL_NUMBER,
        "memory_used_bytes": _NULL_INT,
        "memory_total_bytes": _NULL_INT,
        "temperature_c": _NULL_NUMBER,
        "power_w": _NULL_NUMBER,
    }
    sample = {
        "at": _TIME,
        "cpu": {"type": "number"},
        "memory_used_bytes": _INT,
        "memory_total_bytes": _INT,
        "disk_free_bytes": _INT,
        "disk_total_bytes": _INT,
        "disk_read_bytes_per_s": {"type": "number"},
        "disk_write_bytes_per_s": {"type": "number"},
        "network_received_bytes_per_s": {"type": "number"},
        "network_sent_bytes_per_s": {"type": "number"},
        "gpus": _list(_object(gpu)),
        "job_ids": _list(_TEXT),
    }
    return {
        "ControlJob": _object(row),
        "ControlJobDetail": _object({**row, **detail}),
        "ControlJobList": _page("ControlJob"),
        "Queue": _ANY,
        "EngineState": _ANY,
        "PauseReason": _object({}, {"reason": {"type": "string", "minLength": 1}}),
        "HealthChecks": _object(
            {"level": {"enum": ["ok", "warning", "error"]}, "checks": _list(_object(check))}
        ),
        "WorkflowStanding": _object(
            {"name": _TEXT, "title": _NULL_TEXT, "available": _BOOL, "reason": _NULL_TEXT}
        ),
        "WorkflowStandingList": _page("WorkflowStanding"),
        "ResourceSample": _object(sample),
        "ResourceList": _page("ResourceSample"),
        "LoggedRequest": _object(logged),
        "RequestList": _page("LoggedRequest"),
        "ReplayBody": _object({}, {"body": _TEXT}),
        "Replayed": _object({"webhook_id": _TEXT, "status": _INT, "answer": _TEXT}),
    }
