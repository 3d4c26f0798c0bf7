"""The queue of prompts and the history of those that ended, in memory only."""

from __future__ import annotations

import copy
import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_QUEUE = 10_000
MAX_HISTORY = 10_000  # ComfyUI's own

Json = dict[str, Any]


class QueueFull(Exception):
    """No more prompts are taken."""


@dataclass(frozen=True, order=True, slots=True)
class Item:
    """A prompt that waits or runs; the lowest number goes first, then the oldest."""

    number: float
    serial: int
    prompt_id: str = field(compare=False)
    graph: Json = field(compare=False)
    extra_data: Json = field(compare=False)
    outputs: tuple[str, ...] = field(compare=False)

    def listed(self) -> list[Any]:
        """The item as `/queue` and `/history` print it."""
        return [self.number, self.prompt_id, self.graph, self.extra_data, list(self.outputs)]


class PromptQueue:
    """Shared by the loop and the worker thread. `changed` is called after every change."""

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        max_queue: int = MAX_QUEUE,
        max_history: int = MAX_HISTORY,
    ) -> None:
        self._changed = changed
        self._max_queue = max_queue
        self._max_history = max_history
        self._lock = threading.RLock()
        self._wake = threading.Condition(self._lock)
        self._serial = itertools.count()
        self._pending: list[Item] = []
        self._running: Item | None = None
        self._history: dict[str, Json] = {}
        self._free_memory = False
        self._closed = False

    def put(
        self, number: float, prompt_id: str, graph: Json, extra_data: Json, outputs: tuple[str, ...]
    ) -> None:
        """Add a prompt; raises QueueFull."""
        with self._lock:
            if len(self._pending) >= self._max_queue:
                raise QueueFull
            item = Item(number, next(self._serial), prompt_id, graph, extra_data, outputs)
            heapq.heappush(self._pending, item)
            self._changed()
            self._wake.notify()

    def take(self, begin: Callable[[], None] = lambda: None) -> Item | None:
        """Wait for a prompt and make it the running one.

        `begin` is called before anybody can see that it runs. None when there is something else
        to do: `wants_memory_freed` or `closed`.
        """
        with self._lock:
            self._wake.wait_for(lambda: self._pending or self._free_memory or self._closed)
            if self._closed or not self._pending:
                return None
            begin()
            self._running = heapq.heappop(self._pending)
            self._changed()
            return self._running

    def done(self, item: Item, result: Json) -> None:
        """Write the history entry of the prompt that ran."""
        with self._lock:
            self._running = None
            while len(self._history) >= self._max_history:
                del self._history[next(iter(self._history))]
            self._history[item.prompt_id] = {"prompt": item.listed(), **result}
            self._changed()

    def close(self) -> None:
        """Wake the worker for the last time."""
        with self._lock:
            self._closed = True
            self._wake.notify_all()

    @property
    def closed(self) -> bool:
        """Whether the engine is ending."""
        return self._closed

    def free_memory(self) -> None:
        """Ask the worker to forget cached results between prompts."""
        with self._lock:
            self._free_memory = True
            self._wake.notify()

    def wants_memory_freed(self) -> bool:
        """Whether that was asked; asking is used up by this."""
        with self._lock:
            asked, self._free_memory = self._free_memory, False
            return asked

    def remaining(self) -> int:
        """How many prompts wait or run."""
        with self._lock:
            return len(self._pending) + (self._running is not None)

    def runs(self, prompt_id: str) -> bool:
        """Whether that prompt runs right now."""
        with self._lock:
            return self._running is not None and self._running.prompt_id == prompt_id

    def listed(self) -> Json:
        """The answer of `GET /queue`."""
        with self._lock:
            running = [] if self._running is None else [self._running.listed()]
            return {
                "queue_running": running,
                "queue_pending": [item.listed() for item in sorted(self._pending)],
            }

    def clear(self) -> None:
        """Forget every prompt that waits."""
        with self._lock:
            self._pending = []
            self._changed()

    def delete(self, prompt_id: str) -> None:
        """Forget one prompt that waits; nothing happens when there is none of that id."""
        with self._lock:
            for item in self._pending:
                if item.prompt_id == prompt_id:
                    self._pending.remove(item)
                    heapq.heapify(self._pending)
                    self._changed()
                    return

    def history(self, max_items: int | None = None, offset: int = -1) -> Json:
        """Entries, oldest first, from `offset` on; below 0 it means the newest `max_items`."""
        with self._lock:
            entries = list(self._history.items())
            if offset < 0:
                offset = 0 if max_items is None else max(0, len(entries) - max_items)
            end = None if max_items is None else offset + max_items
            return dict(entries[offset:end])

    def history_of(self, prompt_id: str) -> Json:
        """`{prompt_id: entry}`; empty when it has not ended, or is unknown."""
        with self._lock:
            entry = self._history.get(prompt_id)
            return {} if entry is None else {prompt_id: copy.deepcopy(entry)}

    def forget(self, prompt_id: str) -> None:
        """Remove one history entry, if there is one."""
        with self._lock:
            self._history.pop(prompt_id, None)

    def forget_all(self) -> None:
        """Remove every history entry."""
        with self._lock:
            self._history.clear()
