"""The jobs API over a store in memory, with a browser's way of asking."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt

from jigdesk.domain import keys
from jigdesk.domain.described import InputSpec, OutputSpec, describe
from jigdesk.domain.limits import Limits
from jigdesk.domain.params import ParamSpec, ParamType
from lambdas.common.identity import SupabaseIdentity
from lambdas.jobs_api.http import ApiRequest
from lambdas.jobs_api.logic import JobsApi
from lambdas.jobs_api.ports import ApiSettings
from lambdas.jobs_api.watching import StoreWatching
from tests.fakes.lambda_parts import CLIENT
from tests.fakes.memory_store import MemoryStore, TickingClock

JWT_SECRET = "a-shared-secret-of-at-least-32-bytes"
PHOTO = {"name": "photo.png", "size_bytes": 3, "content_type": "image/png"}
BLUR = {"task": "blur", "params": {"radius": 3}, "inputs": {"image": "photo.png"}}

WORKFLOWS = [
    describe(
        "blur",
        "Blur",
        "Softens a picture.",
        {"image": InputSpec("image", "image", 1000)},
        {"result": OutputSpec("result", "image")},
        {"radius": ParamSpec("radius", ParamType.INTEGER, 3, 1, 31)},
    ),
    describe(
        "invert",
        "Invert",
        "",
        {"image": InputSpec("image", "image")},
        {"result": OutputSpec("result", "image")},
        {},
    ),
]


@dataclass
class KeptCommands:
    """A commander that keeps what it was asked for."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def cancel(self, job_id: str) -> str:
        self.asked.append(("cancel", job_id))
        return "cancelled"

    def retry(self, job_id: str) -> str:
        self.asked.append(("retry", job_id))
        return "accepted"


@dataclass(frozen=True)
class Answer:
    """A response with its JSON read."""

    status: int
    headers: dict[str, str]
    data: Any

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and field of a refusal."""
        return self.status, self.data["error"]["code"], self.data["error"].get("field")


class ApiWorld:
    """Asks the API as a browser would."""

    def __init__(self, limits: Limits) -> None:
        self.clock = TickingClock()
        self.store = MemoryStore(self.clock)
        self.commands = KeptCommands()
        self.workflows: list[dict[str, Any]] = list(WORKFLOWS)
        self.settings = ApiSettings(b"k" * 32, limits=limits, pusher_key="pk", pusher_secret="ps")
        self.api = JobsApi(
            self.store,
            workflows=lambda: self.workflows,
            commander=self.commands,
            identity=SupabaseIdentity(jwt_secret=JWT_SECRET),
            settings=self.settings,
            looked_at=StoreWatching(self.store, self.clock),
            clock=self.clock,
        )

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        source: str = "203.0.113.7",
        **query: str,
    ) -> Answer:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        got = self.api.handle(ApiRequest(method, path, query, headers, raw, source))
        return Answer(got.status, dict(got.headers), json.loads(got.body))

    def create(
        self, *, client_id: str | None = CLIENT, token: str | None = None, **change: Any
    ) -> Answer:
        source = change.pop("source", "203.0.113.7")
        body = {"client_id": client_id, "request": BLUR, "files": [PHOTO], **change}
        if client_id is None:
            del body["client_id"]
        return self.ask("POST", "/api/jobs", body, token=token, source=source)

    def write_status(self, job_id: str, **fields: Any) -> None:
        document = {"version": 1, "job_id": job_id, **fields}
        self.store.put(keys.status_key(job_id), json.dumps(document).encode())


def token_for(user_id: str, **change: Any) -> str:
    """A Supabase token that is valid until 2100."""
    claims = {"sub": user_id, "aud": "authenticated", "exp": 4_102_444_800, **change}
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, JWT_SECRET, algorithm="HS256")


@contextmanager
def api_world(limits: Limits | None = None) -> Iterator[ApiWorld]:
    """A world whose threads end with it."""
    world = ApiWorld(limits or Limits())
    try:
        yield world
    finally:
        world.api.close()
