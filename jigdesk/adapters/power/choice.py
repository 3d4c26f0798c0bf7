"""The way to keep this platform awake."""

from __future__ import annotations

import sys

from jigdesk.adapters.power.logind import LogindLock
from jigdesk.adapters.power.macos import CaffeinateLock
from jigdesk.adapters.power.windows import ThreadLock
from jigdesk.domain.holds import Inhibition


class NoLock:
    """Implements `services.awake.SleepLock` where there is none."""

    async def hold(self, why: str) -> Inhibition:
        """See `SleepLock`."""
        del why
        return Inhibition(False, "JigDesk knows no way to do it on this platform.")

    async def release(self) -> None:
        """See `SleepLock`."""


def sleep_lock(
    platform: str = sys.platform,
) -> LogindLock | CaffeinateLock | ThreadLock | NoLock:
    """The platform's lock; nothing is taken yet."""
    match platform:
        case "linux":
            return LogindLock()
        case "darwin":
            return CaffeinateLock()
        case "win32":
            return ThreadLock()
        case _:
            return NoLock()
