"""The state of the queue in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any


def state_words(queue: Mapping[str, Any]) -> str:
    """The queue's state in a line: running, draining, or paused with the reason and the end."""
    if queue["paused"]:
        return f"paused: {queue['paused']}{until_words(queue['paused_until'])}"
    return f"draining: {queue['draining']}" if queue["draining"] else "running"


def until_words(moment: str | None) -> str:
    """An RFC 3339 time in brackets, by this machine's clock; empty for None."""
    if moment is None:
        return ""
    return f" (until {datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M})"
