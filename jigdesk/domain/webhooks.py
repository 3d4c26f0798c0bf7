"""The webhooks that the Lambdas send: their shapes, as one place for sender and receiver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jigdesk.domain.errors import RequestError
from jigdesk.domain.ids import is_job_id
from jigdesk.domain.keys import MAX_KEY_BYTES

MAX_BODY_BYTES = 256 * 1024
MAX_KEYS = 2_000
Command = Literal["cancel", "retry"]


@dataclass(frozen=True, slots=True)
class JobCreated:
    """A job's manifest and files are in the store."""

    job_id: str
    bucket: str
    keys: tuple[str, ...]
    event_time: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON body."""
        return {
            "version": 1,
            "type": "JobCreated",
            "job_id": self.job_id,
            "bucket": self.bucket,
            "keys": list(self.keys),
            "event_time": self.event_time,
        }


@dataclass(frozen=True, slots=True)
class JobOutput:
    """Result files of a job appeared in the store."""

    job_id: str
    bucket: str
    new_files: tuple[str, ...]
    event_time: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON body."""
        return {
            "version": 1,
            "type": "JobOutput",
            "job_id": self.job_id,
            "bucket": self.bucket,
            "new_files": list(self.new_files),
            "event_time": self.event_time,
        }


@dataclass(frozen=True, slots=True)
class JobCommand:
    """An owner asks for a cancel or a retry."""

    job_id: str
    command: Command
    event_time: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON body."""
        return {
            "version": 1,
            "type": "JobCommand",
            "job_id": self.job_id,
            "command": self.command,
            "event_time": self.event_time,
        }


Webhook = JobCreated | JobOutput | JobCommand


def parse_webhook(data: object, kind: str) -> Webhook:
    """Check a decoded body of type `kind`; raises RequestError(422) naming the field."""
    if not isinstance(data, Mapping):
        raise _bad("The body must be a JSON object.", None)
    if data.get("version") != 1 or isinstance(data.get("version"), bool):
        raise _bad(f"This desk reads version 1, not {data.get('version')!r:.40}.", "version")
    if data.get("type") != kind:
        raise _bad(f"This route takes type {kind!r}, not {data.get('type')!r:.60}.", "type")
    job_id = data.get("job_id")
    if not is_job_id(job_id):
        raise _bad("job_id must be a canonical lowercase UUID.", "job_id")
    event_time = _text(data, "event_time", 64)
    if kind == "JobCommand":
        command = data.get("command")
        if command not in ("cancel", "retry"):
            raise _bad("command must be 'cancel' or 'retry'.", "command")
        return JobCommand(str(job_id), "cancel" if command == "cancel" else "retry", event_time)
    bucket = _text(data, "bucket", 255)
    if kind == "JobCreated":
        return JobCreated(str(job_id), bucket, _keys(data, "keys"), event_time)
    return JobOutput(str(job_id), bucket, _keys(data, "new_files"), event_time)


def _text(data: Mapping[str, Any], name: str, limit: int) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not value or len(value) > limit:
        raise _bad(f"{name} must be a text of 1 to {limit} characters.", name)
    return value


def _keys(data: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = data.get(name)
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_KEYS:
        raise _bad(f"{name} must be a list of at most {MAX_KEYS} keys.", name)
    for index, key in enumerate(value):
        if not isinstance(key, str) or not key or len(key) > MAX_KEY_BYTES:
            raise _bad("A key is a text of 1 to 1024 characters.", f"{name}[{index}]")
    return tuple(value)


def _bad(message: str, field: str | None) -> RequestError:
    return RequestError(422, "invalid_webhook", message, field=field)
