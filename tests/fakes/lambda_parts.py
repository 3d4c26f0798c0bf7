"""What the Lambdas' tests share: events as S3 sends them, a desk's registration, ids."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

from jigdesk.domain import keys
from jigdesk.domain.host import HostRegistration
from jigdesk.ports import Message
from tests.fakes.memory_store import MemoryStore

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"
THIRD = "7d1f0c3e-0000-4000-8000-0000000000e4"
CLIENT = "client-1234"


def s3_record(key: str, *, bucket: str = "jig-react", sequencer: str = "01") -> dict[str, Any]:
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-03-01T12:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": bucket},
            "object": {"key": quote_plus(key, safe="/"), "size": 3, "sequencer": sequencer},
        },
    }


def s3_event(*object_keys: str, **options: str) -> dict[str, Any]:
    return {"Records": [s3_record(key, **options) for key in object_keys]}


def request_json(job_id: str, *files: str, **more: Any) -> bytes:
    stages = [
        {"name": f"s{index}", "workflow": "blur", "inputs": {"image": {"file": name}}}
        for index, name in enumerate(files)
    ] or [{"name": "s0", "workflow": "blur"}]
    return json.dumps({"version": 1, "job_id": job_id, "stages": stages, **more}).encode()


def register(
    store: MemoryStore,
    host_id: str,
    url: str | None,
    expires_at: datetime,
    *,
    accepting: bool = True,
    state: Any = "running",
) -> None:
    host = HostRegistration(host_id, url, accepting, state, 0, expires_at)
    store.put(keys.host_key(host_id), json.dumps(host.to_dict()).encode())


def soon(now: datetime) -> datetime:
    return now + timedelta(seconds=90)


@dataclass
class KeptMessages:
    """A publisher that keeps what it is given, or fails while `failure` is set."""

    messages: list[Message] = field(default_factory=list)
    failure: Exception | None = None

    def publish(self, batch: Sequence[Message]) -> None:
        if self.failure is not None:
            raise self.failure
        self.messages.extend(batch)
