"""`publisher.kind = "local"`: browsers listen to this desk's own event stream."""

from __future__ import annotations

from collections.abc import Sequence

from jigdesk.ports import Message


class LocalPublisher:
    """Implements `ports.Publisher` where there is nobody to send to.

    The event stream (`adapters/http/events.py`) reads the journal itself, and an event is in the
    journal before it is handed to a publisher: delivering it here again would only double it.
    """

    async def publish(self, batch: Sequence[Message]) -> None:
        """Return at once: every event of `batch` can be read already. Never raises."""

    async def close(self) -> None:
        """Nothing is held."""
