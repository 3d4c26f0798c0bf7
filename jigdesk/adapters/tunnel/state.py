"""What a tunnel says about itself, and who is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class TunnelStatus(StrEnum):
    """Where a tunnel stands."""

    OFF = "off"  # none is wanted
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"  # it comes back by itself, or says what to do


@dataclass(frozen=True, slots=True)
class TunnelState:
    """A snapshot. `public_url` is None unless it is up, `reason` while there is nothing to say.

    `remedy` is what the owner can do, None where waiting is all. `pid` is the agent's, None
    without one; `adopted` says that somebody else started it.
    """

    status: TunnelStatus
    public_url: str | None = None
    reason: str | None = None
    remedy: str | None = None
    pid: int | None = None
    adopted: bool = False


StateListener = Callable[[TunnelState], None]


class StateBoard:
    """The newest state and its listeners. Lives on the core's loop."""

    def __init__(self, state: TunnelState) -> None:
        self._state = state
        self._listeners: list[StateListener] = []

    @property
    def state(self) -> TunnelState:
        """The newest."""
        return self._state

    def show(self, state: TunnelState) -> None:
        """Replace the state, and tell the listeners when it is another."""
        if state == self._state:
            return
        self._state = state
        for listener in tuple(self._listeners):
            listener(state)

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """Call `listener` after each change; it must not block or raise. Returns the way out."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe
