"""Tunnels that need no program: none at all, or an address that the owner set up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from jigdesk.adapters.tunnel.state import StateBoard, StateListener, TunnelState, TunnelStatus


class FixedTunnel:
    """Implements `ports.Tunnel`; `public_url` None means that there is no tunnel."""

    def __init__(self, public_url: str | None) -> None:
        status = TunnelStatus.OFF if public_url is None else TunnelStatus.UP
        self._board = StateBoard(TunnelState(status, public_url))

    @property
    def public_url(self) -> str | None:
        """See `ports.Tunnel`."""
        return self.state.public_url

    @property
    def state(self) -> TunnelState:
        """Off, or up with the owner's address."""
        return self._board.state

    def subscribe(self, listener: StateListener) -> Callable[[], None]:
        """See `StateBoard.subscribe`: here nothing ever changes."""
        return self._board.subscribe(listener)

    def look_again(self) -> None:
        """Nothing of it is ours to look at."""

    def renew(self, reason: str) -> None:
        """Nothing of it is ours to begin again."""

    async def run(self) -> None:
        """Nothing to keep up: wait until cancelled."""
        await asyncio.Event().wait()
