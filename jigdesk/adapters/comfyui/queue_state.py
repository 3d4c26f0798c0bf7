"""ComfyUI's `/queue`, as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A prompt in the queue; `client_id` is None where its submitter gave none."""

    prompt_id: str
    client_id: str | None


@dataclass(frozen=True, slots=True)
class QueueState:
    """What runs and what waits."""

    running: tuple[QueueItem, ...]
    pending: tuple[QueueItem, ...]

    def is_running(self, prompt_id: str) -> bool:
        """Whether the executor has it."""
        return any(item.prompt_id == prompt_id for item in self.running)

    def is_pending(self, prompt_id: str) -> bool:
        """Whether it waits for the executor."""
        return any(item.prompt_id == prompt_id for item in self.pending)


def read_queue(body: Mapping[str, Any]) -> QueueState | None:
    """Read the answer of GET /queue; None when it is none."""
    running, pending = body.get("queue_running"), body.get("queue_pending")
    if not isinstance(running, list) or not isinstance(pending, list):
        return None
    return QueueState(_items(running), _items(pending))


def _items(rows: list[Any]) -> tuple[QueueItem, ...]:
    items = []
    for row in rows:
        # [number, prompt_id, prompt, extra_data, outputs], newer servers add more
        match row:
            case [_, str() as prompt_id, _, dict() as extra, *_]:
                client_id = extra.get("client_id")
                owner = client_id if isinstance(client_id, str) else None
                items.append(QueueItem(prompt_id, owner))
            case [_, str() as prompt_id, *_]:
                items.append(QueueItem(prompt_id, None))
    return tuple(items)
