"""The tunnel to the public listener."""

from __future__ import annotations

from typing import Protocol


class Tunnel(Protocol):
    """How the Lambdas reach the public listener."""

    @property
    def public_url(self) -> str | None:
        """The base URL that reaches the public listener; None while there is none."""

    async def run(self) -> None:
        """Keep the tunnel up until cancelled."""
