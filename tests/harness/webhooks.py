"""The Lambdas' side of the contract: signed webhooks over real HTTP."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
from standardwebhooks import Webhook


def created(job_id: str, *keys: str, bucket: str = "jig-react") -> dict[str, Any]:
    """A JobCreated body."""
    return {
        "version": 1,
        "type": "JobCreated",
        "job_id": job_id,
        "bucket": bucket,
        "keys": list(keys),
        "event_time": "2026-03-01T12:00:00.000Z",
    }


async def send(
    http: aiohttp.ClientSession,
    public_url: str,
    secret: str,
    route: str,
    document: Mapping[str, Any],
    *,
    webhook_id: str | None = None,
) -> tuple[int, dict[str, Any]]:
    """POST a webhook signed with the reference library; returns status and answer."""
    body = json.dumps(document)
    name = webhook_id or f"msg_{uuid.uuid4()}"
    now = datetime.fromtimestamp(int(time.time()), UTC)
    headers = {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, now, body),
        "content-type": "application/json",
    }
    url = f"{public_url}/webhooks/{route}"
    async with http.post(url, data=body.encode(), headers=headers) as answer:
        return answer.status, await answer.json()
