"""The logged requests as values for the page; runs on the core's loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jigdesk.app import Core

SHOWN = 200
LEVELS = {"accepted": "ok", "duplicate": "ok", "ok": "ok", "refused": "warning"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One request and its answer; `can_replay` is true for a webhook whose body is whole."""

    request_id: str
    at: datetime
    method: str
    path: str
    status: int
    verdict: str
    reason: str
    latency_s: float
    source: str
    headers: Sequence[tuple[str, str]]
    body: str
    body_cut: bool
    answer: str
    can_replay: bool

    @property
    def level(self) -> str:
        """ok, warning or error."""
        return LEVELS.get(self.verdict, "error")


async def read_requests(core: Core) -> tuple[Seen, ...]:
    """The newest requests first."""
    entries, _ = core.listeners.requests.page(SHOWN)
    return tuple(
        Seen(
            entry.id,
            entry.at,
            entry.method,
            entry.path,
            entry.status,
            entry.verdict,
            entry.reason,
            entry.latency_s,
            entry.source,
            entry.headers,
            entry.body_text,
            entry.body_cut,
            entry.answer,
            entry.method == "POST" and entry.path.startswith("/webhooks/") and not entry.body_cut,
        )
        for entry in entries
    )


async def replay(core: Core, request_id: str) -> int:
    """Send it again, signed anew; the answer's status. Raises RequestError."""
    return (await core.listeners.replayer.replay(request_id)).status


def pretty(text: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
