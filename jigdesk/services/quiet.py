"""Quiet: holds the queue in the owner's quiet hours."""

from __future__ import annotations

import asyncio
import logging
from datetime import tzinfo

from jigdesk.domain.clock import Clock
from jigdesk.domain.holds import Hold
from jigdesk.domain.quiet_hours import QuietHours, clock_words
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

LOOK_EVERY_S = 30.0
"""A timer stands still while the machine sleeps and knows nothing of a clock that is set: what
it missed is seen after this long at most."""

_LEAST_S = 0.01


class QuietTimes:
    """Holds the queue in the quiet hours of `zone` (None: this machine's). On the core's loop."""

    def __init__(
        self,
        queue: JobQueue,
        hours: QuietHours,
        clock: Clock,
        *,
        zone: tzinfo | None = None,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._queue = queue
        self._hours = hours
        self._clock = clock
        self._zone = zone
        self._look_every_s = look_every_s
        self._hold: Hold | None = None

    def look(self) -> float:
        """Hold the queue, or let it go, as the clock says; returns seconds until the next look."""
        now = self._clock()
        until = self._hours.until(now, self._zone)
        hold = None
        if until is not None:
            words = f"Quiet hours until {clock_words(until, now, self._zone)}."
            hold = Hold("quiet_hours", words, until)
        if (hold and hold.until) != (self._hold and self._hold.until):
            log.info("%s", "the quiet hours are over" if hold is None else hold.reason)
            self._hold = hold
            self._queue.hold("quiet_hours", hold)
        change = self._hours.next_change(now, self._zone)
        if change is None:
            return self._look_every_s
        return min(max((change - now).total_seconds(), _LEAST_S), self._look_every_s)

    async def run(self) -> None:
        """Look at each change, and now and then between them, until cancelled."""
        while True:
            pause_s = self.look()
            await asyncio.sleep(pause_s)
