"""What one prompt's follower has not read yet: bounded, the latest progress and preview win."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from jigdesk.adapters.comfyui import messages

MAX_WAITING = 5_000


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The socket came up (again): whatever was sent before is lost."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The socket is down: only HTTP tells now."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """The reader was so slow that messages were let go: ask HTTP."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody here cancelled the prompt: look whether it is gone."""


Item = messages.ServerMessage | Reconnected | Disconnected | Overflowed | CancelRequested


class Mailbox:
    """Messages for one follower, in order. Lives on the loop; one reader."""

    def __init__(self, prompt_id: str, max_waiting: int = MAX_WAITING) -> None:
        self.prompt_id = prompt_id
        self.cancel_requested = False
        self._max_waiting = max_waiting
        # a dict is an ordered queue from which a superseded message can be taken out at once
        self._waiting: dict[object, Item] = {}
        self._filled = asyncio.Event()
        self._count = 0
        self._last_state = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Item) -> None:
        """Add an item. Never blocks: past the bound everything becomes one `Overflowed`."""
        self._count += 1
        key = _coalesced(item, self._last_state)
        if key is None:
            key = self._last_state = self._count
        else:
            self._waiting.pop(key, None)  # the newer one goes to the end: order is kept
        self._waiting[key] = item
        if len(self._waiting) > self._max_waiting:
            self._waiting = {self._count: Overflowed()}
        self._filled.set()

    async def get(self, timeout_s: float) -> Item | None:
        """The oldest item; None when none came in time. Cancelling loses nothing."""
        if not self._waiting:
            self._filled.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._filled.wait()
            except TimeoutError:
                return None
        return self._waiting.pop(next(iter(self._waiting)))


def _coalesced(item: Item, last_state: int) -> object | None:
    """Under which key only the latest stays; None for what is never let go.

    Progress stays on its side of the state messages around it, so that a node's end is not
    told after the next one's results.
    """
    match item:
        case messages.ProgressState():
            return ("states", last_state)
        case messages.Progress():
            return ("progress", item.node, last_state)
        case messages.PreviewImage():
            return "preview"  # one at most: they can be megabytes
        case messages.NodeText():
            return "text"
        case Reconnected() | Disconnected() | CancelRequested():
            return type(item)
    return None
