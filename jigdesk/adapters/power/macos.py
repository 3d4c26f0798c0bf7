"""macOS: `caffeinate`, which asks IOKit for a power assertion and ends with the desk."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, Process

from jigdesk.domain.holds import Inhibition

CAFFEINATE = "/usr/bin/caffeinate"
END_WITHIN_S = 5.0


class CaffeinateLock:
    """Implements `services.awake.SleepLock`. Lives on one loop."""

    def __init__(self, program: str = CAFFEINATE) -> None:
        self._program = program
        self._process: Process | None = None

    async def hold(self, why: str) -> Inhibition:
        """See `SleepLock`; caffeinate has no place for `why`."""
        del why
        if self._process is not None and self._process.returncode is None:
            return Inhibition(True, "The machine is kept awake by caffeinate.")
        # -i: not for idleness; -s: not at all while on mains; -w: until the desk is gone
        args = ("-i", "-s", "-w", str(os.getpid()))
        try:
            self._process = await asyncio.create_subprocess_exec(
                self._program, *args, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
            )
        except OSError as failed:
            return Inhibition(False, f"{self._program} cannot be started ({failed.strerror}).")
        return Inhibition(True, "The machine is kept awake by caffeinate.")

    async def release(self) -> None:
        """See `SleepLock`."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
