"""Webhooks that no desk may take, each with the answer; shared by whoever has a public listener."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.harness.webhooks import created

OTHER_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()


@dataclass(frozen=True, slots=True)
class BadWebhook:
    """One request; `sign_with` None leaves the signature out, `age_s` moves its time."""

    name: str
    status: int
    body: bytes = field(default_factory=lambda: json.dumps(created(str(uuid.uuid4()))).encode())
    sign_with: str | None = "the secret"
    age_s: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    route: str = "job-created"

    def signed(self, secret: str, now_s: int) -> dict[str, str]:
        """The headers of this request."""
        at_s, name = now_s - self.age_s, f"msg_{uuid.uuid4()}"
        headers = {"content-type": "application/json"}
        if self.sign_with is not None:
            key = secret if self.sign_with == "the secret" else self.sign_with
            headers |= {
                "webhook-id": name,
                "webhook-timestamp": str(at_s),
                "webhook-signature": _sign(key, name, at_s, self.body),
            }
        return {**headers, **self.headers}


def _sign(secret: str, name: str, at_s: int, body: bytes) -> str:
    """As the reference library signs, which cannot sign what is no UTF-8."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _body(**changed: Any) -> bytes:
    return json.dumps({**created(str(uuid.uuid4())), **changed}).encode()


BAD_WEBHOOKS = [
    BadWebhook("no signature at all", 401, sign_with=None),
    BadWebhook("another secret", 401, sign_with=OTHER_SECRET),
    BadWebhook("stale", 401, age_s=301),
    BadWebhook("from the future", 401, age_s=-301),
    BadWebhook("no comma", 401, headers={"webhook-signature": "v1"}),
    BadWebhook("no base64", 401, headers={"webhook-signature": "v1,%%%"}),
    BadWebhook("no time", 401, headers={"webhook-timestamp": "soon"}),
    BadWebhook("not UTF-8", 422, b"\xff\xfe"),
    BadWebhook("no JSON", 422, b"{"),
    BadWebhook("a list", 422, b"[]"),
    BadWebhook("nested deep", 422, b"[" * 100_000),
    BadWebhook("another version", 422, _body(version=2)),
    BadWebhook("another type", 422, _body(type="JobOutput")),
    BadWebhook("no job id", 422, _body(job_id="../../etc/passwd")),
    BadWebhook("an upper-case job id", 422, _body(job_id=str(uuid.uuid4()).upper())),
    BadWebhook("keys that are none", 422, _body(keys=[1])),
    BadWebhook("another bucket", 422, _body(bucket="another-bucket")),
    BadWebhook("too large", 413, _body(padding="x" * 256 * 1024)),
    BadWebhook(
        "an unknown job",
        404,
        json.dumps(
            {
                "version": 1,
                "type": "JobCommand",
                "job_id": str(uuid.uuid4()),
                "command": "cancel",
                "event_time": "2026-03-01T12:00:00Z",
            }
        ).encode(),
        route="job-command",
    ),
]
