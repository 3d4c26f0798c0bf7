"""Shapes of the contract that many tests look for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_CODE = re.compile(r"[a-z][a-z0-9_]*")
JOB_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

STATUS_FIELDS = [
    "version",
    "job_id",
    "status",
    "seq",
    "stage",
    "stage_index",
    "stage_count",
    "node",
    "node_title",
    "progress",
    "eta_s",
    "message",
    "attempt",
    "host_id",
    "created_at",
    "updated_at",
    "error",
]
FILE_FIELDS = [
    "key",
    "stage",
    "output",
    "node",
    "index",
    "kind",
    "content_type",
    "size_bytes",
    "sha256",
    "width",
    "height",
    "duration_s",
    "partial",
    "thumb_key",
]
ERROR_FIELDS = [
    "version",
    "job_id",
    "attempt",
    "failed_at",
    "code",
    "message",
    "stage",
    "node",
    "node_title",
    "node_type",
    "details",
    "retryable",
]
ERROR_CODES = [
    "invalid_manifest",
    "unknown_workflow",
    "invalid_parameter",
    "missing_input",
    "input_too_large",
    "missing_node",
    "missing_model",
    "validation_failed",
    "execution_error",
    "out_of_memory",
    "timeout",
    "engine_lost",
    "upload_failed",
    "cancelled",
    "internal",
]


def instant(text: object) -> datetime:
    """A time as the contract writes it: RFC 3339 in UTC with `Z`."""
    assert isinstance(text, str)
    assert _RFC3339.fullmatch(text), text
    return datetime.fromisoformat(text)


def recent(text: object) -> datetime:
    """Such a time within the last ten minutes."""
    at = instant(text)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=10), text
    return at


def is_error(document: Any, *codes: str) -> Mapping[str, Any]:
    """`{"error": {code, message, field?}}` and nothing else; returns the inside."""
    assert isinstance(document, dict), document
    assert set(document) == {"error"}, document
    error = document["error"]
    assert set(error) <= {"code", "message", "field"}, error
    assert _CODE.fullmatch(error["code"]), error
    assert isinstance(error["message"], str)
    assert error["message"].strip(), error
    assert "Traceback" not in error["message"]
    if codes:
        assert error["code"] in codes, error
    return dict(error)


def is_list(document: Any) -> list[Any]:
    """`{"items": […], "next_cursor": …}`; returns the items."""
    assert set(document) == {"items", "next_cursor"}, sorted(document)
    assert isinstance(document["items"], list)
    assert document["next_cursor"] is None or isinstance(document["next_cursor"], str)
    return list(document["items"])
