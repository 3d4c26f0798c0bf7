"""The logged requests as values for the page; runs on the core's loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from jigdesk.app import Core
from jigdesk.domain.webhooks import MAX_BODY_BYTES
from ui.words import size

SHOWN = 200
LEVELS = {"accepted": "ok", "duplicate": "ok", "ok": "ok", "refused": "warning"}
NOT_WHOLE = "Its body was not kept whole, so it cannot be sent again."
_SMALL = 1000


@dataclass(frozen=True, slots=True)
class Seen:
    """One request and its answer; `why_not` says why it cannot be sent again, empty when it can."""

    request_id: str
    at: datetime
    method: str
    path: str
    status: int
    verdict: str
    reason: str
    latency_s: float
    source: str
    size_bytes: int
    headers: Sequence[tuple[str, str]]
    body: str
    body_cut: bool
    answer: str
    why_not: str

    @property
    def level(self) -> str:
        """ok, warning or error."""
        return LEVELS.get(self.verdict, "error")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the listener said to a webhook that was sent again."""

    webhook_id: str
    status: int
    text: str


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
            entry.size_bytes,
            entry.headers,
            entry.body_text,
            entry.body_cut,
            entry.answer,
            # asked as if a body were given: that one is missing is said in the page's own words
            core.listeners.replayer.why_not(entry, entry.body)
            or (NOT_WHOLE if entry.body_cut else ""),
        )
        for entry in entries
    )


async def replay(core: Core, request_id: str, body: str | None = None) -> Answer:
    """Send it again, signed anew, with `body` in place of its own. Raises RequestError."""
    edited = None if body is None else body.encode()
    done = await core.listeners.replayer.replay(request_id, edited)
    return Answer(done.webhook_id, done.status, done.answer)


def problem_of(body: str) -> str:
    """Why a body cannot be sent; empty when it can."""
    number = len(body.encode())
    if number > MAX_BODY_BYTES:
        return f"Too large: {bytes_words(number)}, of at most {MAX_BODY_BYTES // 1024} KB."
    try:
        json.loads(body)
    except json.JSONDecodeError as wrong:
        return f"Not JSON: line {wrong.lineno}, column {wrong.colno}: {wrong.msg}."
    except RecursionError:
        return "Not JSON that anybody reads: it is nested too deeply."
    return ""


def pretty(text: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def bytes_words(number: int) -> str:
    """`266 bytes`, `12 KB`."""
    if number < _SMALL:
        return "1 byte" if number == 1 else f"{number} bytes"
    return size(number)
