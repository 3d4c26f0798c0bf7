"""Tunnels that need no program: none at all, or an address that the owner set up."""

from __future__ import annotations

import asyncio


class FixedTunnel:
    """Implements `ports.Tunnel`; `public_url` None means that there is no tunnel."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url

    @property
    def public_url(self) -> str | None:
        """See `ports.Tunnel`."""
        return self._public_url

    async def run(self) -> None:
        """Nothing to keep up: wait until cancelled."""
        await asyncio.Event().wait()
