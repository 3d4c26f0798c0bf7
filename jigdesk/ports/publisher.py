"""Where events are published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One event for one channel; `data` fits (`domain.events.fit`)."""

    channel: str
    event: str
    data: Mapping[str, Any]


class Publisher(Protocol):
    """Where browsers listen."""

    async def publish(self, batch: Sequence[Message]) -> None:
        """Deliver the batch in order; raises PublishError when it may be tried again."""
