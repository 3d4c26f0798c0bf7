"""What the jobs API needs from whoever runs it: a Lambda, or the desk itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from jigdesk.domain.limits import Limits


class Identity(Protocol):
    """Who a bearer token speaks for. Thread-safe."""

    def user_id(self, token: str) -> str:
        """The verified user's id; raises RequestError(401), or 503 when it cannot be told."""


class Commander(Protocol):
    """Where an owner's commands go. Thread-safe; both return the job's status as a word."""

    def cancel(self, job_id: str) -> str:
        """End a job; raises RequestError (404, 409 or 503)."""

    def retry(self, job_id: str) -> str:
        """Start a new attempt of a final job; raises RequestError (404, 409 or 503)."""


Workflows = Callable[[], Sequence[Mapping[str, Any]]]
"""The described workflows (`jigdesk.domain.described.describe`) as they are now. Thread-safe."""

StatusReader = Callable[[str], Mapping[str, Any] | None]
"""The newest status document of a job id; None before it was accepted. Thread-safe."""

LookedAt = Callable[[str], None]
"""Told the job id each time a running job's owner asks for it. Thread-safe; never raises."""


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """How the jobs API answers.

    `secret` keys tickets and the digests of counted addresses; it must be the same wherever
    those are to be understood and is never shown. `pusher_key` and `pusher_secret` are None
    where nothing is published.
    """

    secret: bytes = field(repr=False)
    limits: Limits = field(default_factory=Limits)
    url_ttl_s: int = 3600
    upload_ttl_s: int = 3600
    ticket_ttl_s: int = 600
    pusher_key: str | None = None
    pusher_secret: str | None = field(default=None, repr=False)
