"""Reading one thing at a time from the core, and once more for what was asked meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from jigdesk.domain.errors import JigDeskError
from ui.bridge import Bridge, Work

K = TypeVar("K")
T = TypeVar("T")


class Reader(Generic[K, T]):
    """`done(key, value)` or `failed(key, failure)` follows a read, in the main thread.

    What is asked while one is under way is read after it, whichever way that ended; of several
    the newest only. Without `failed` a failure is dropped: then something else has to tell it.
    """

    def __init__(
        self,
        bridge: Bridge,
        done: Callable[[K, T], None],
        failed: Callable[[K, JigDeskError], None] | None = None,
    ) -> None:
        self._bridge = bridge
        self._done = done
        self._failed = failed
        self._reading = False
        self._next: tuple[K, Work[T]] | None = None

    def read(self, key: K, work: Work[T]) -> None:
        """Run `work` on the core's loop, now or after what runs."""
        if self._reading:
            self._next = key, work
            return
        self._reading = True
        self._bridge.call(
            work, lambda value: self._came(key, value), lambda failure: self._lost(key, failure)
        )

    def _came(self, key: K, value: T) -> None:
        self._reading = False
        self._done(key, value)
        self._go_on()

    def _lost(self, key: K, failure: JigDeskError) -> None:
        self._reading = False
        if self._failed is not None:
            self._failed(key, failure)
        self._go_on()

    def _go_on(self) -> None:
        following, self._next = self._next, None
        if following is not None:
            self.read(*following)
