"""A desk's registration `hosts/{host_id}.json`: where its webhooks go and until when it counts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from jigdesk.domain.clock import from_rfc3339, to_rfc3339

HostState = Literal["running", "paused", "draining"]
WebhookRoute = Literal["job-created", "job-output", "job-command"]

MAX_HOST_BYTES = 64 * 1024
REGISTRATION_TTL_S = 90
"""A registration is written every 30 s, so two in a row may be lost."""

_HOST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_ROUTE = re.compile(r"/webhooks(/job-(created|output|command))?/*$")
_PLAIN = re.compile(r"[!-~]+")
_MAX_URL = 2048


def is_host_id(text: object) -> bool:
    """Whether `text` may name a desk in an object key."""
    return isinstance(text, str) and _HOST_ID.fullmatch(text) is not None


def check_resolvable(host: str) -> None:
    """Raise ValueError for a host that cannot be looked up: clients end with no error of theirs."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise ValueError("has a host with a part that is empty or too long") from None


def webhook_target(base_url: str, route: WebhookRoute) -> str:
    """The URL of one webhook route.

    `base_url` is the public listener's; one that already ends in `/webhooks` or in a route of
    its own is taken as well. Raises ValueError unless it is a plain absolute http(s) URL: no
    credentials, which logs would show, and nothing but visible ASCII.
    """
    if len(base_url) > _MAX_URL or _PLAIN.fullmatch(base_url) is None:
        raise ValueError("a webhook URL is plain ASCII of at most 2048 characters")
    parts = urlsplit(base_url)
    _ = parts.port  # raises ValueError for one that is no number up to 65535
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise ValueError("a webhook URL is an absolute http or https URL without credentials")
    check_resolvable(parts.hostname)
    path = _ROUTE.sub("", parts.path).rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}/webhooks/{route}"


@dataclass(frozen=True, slots=True)
class HostRegistration:
    """One desk as the Lambdas see it.

    `webhook_url` is the public listener's base URL, None while no tunnel is up. `accepting`
    says whether a new job would be answered with 202; a paused desk still accepts and holds.
    """

    host_id: str
    webhook_url: str | None
    accepting: bool
    state: HostState
    queue_depth: int
    expires_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """The JSON document."""
        return {
            "version": 1,
            "host_id": self.host_id,
            "webhook_url": self.webhook_url,
            "accepting": self.accepting,
            "state": self.state,
            "queue_depth": self.queue_depth,
            "expires_at": to_rfc3339(self.expires_at),
        }

    def is_fresh(self, now: datetime) -> bool:
        """Whether the desk still stands by it."""
        return self.expires_at > now

    def takes_jobs(self, now: datetime) -> bool:
        """Whether a new job may be sent there."""
        return (
            self.is_fresh(now)
            and self.accepting
            and self.state != "draining"
            and self.webhook_url is not None
        )


def parse_host(body: bytes) -> HostRegistration:
    """Read a registration; raises ValueError that names what is wrong with it."""
    data = json.loads(body)  # a JSONDecodeError and a UnicodeDecodeError are ValueErrors
    if not isinstance(data, Mapping):
        raise ValueError("a registration is a JSON object")  # noqa: TRY004 - one kind for callers
    if data.get("version") != 1:
        raise ValueError(f"unknown version {data.get('version')!r:.40}")
    host_id, state, url = data.get("host_id"), data.get("state"), data.get("webhook_url")
    if not is_host_id(host_id):
        raise ValueError("bad host_id")
    if state not in ("running", "paused", "draining"):
        raise ValueError(f"unknown state {state!r:.40}")
    if url is not None:
        if not isinstance(url, str):
            raise ValueError("bad webhook_url")
        webhook_target(url, "job-created")
    depth, expires_at = data.get("queue_depth"), data.get("expires_at")
    if not isinstance(depth, int) or isinstance(depth, bool) or depth < 0:
        raise ValueError("bad queue_depth")
    return HostRegistration(
        host_id=str(host_id),
        webhook_url=url,
        accepting=data.get("accepting") is True,
        state=state,
        queue_depth=depth,
        expires_at=from_rfc3339(str(expires_at)),
    )


def newest_first(hosts: Iterable[HostRegistration], now: datetime) -> tuple[HostRegistration, ...]:
    """The desks that take jobs, the one that spoke last first."""
    takers = [host for host in hosts if host.takes_jobs(now)]
    return tuple(sorted(takers, key=lambda host: (host.expires_at, host.host_id), reverse=True))
