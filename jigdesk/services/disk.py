"""The disk guard: no new job is taken in when there is no room to keep its promise."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jigdesk.domain.check import Check
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
NO_ROOM = "disk"

GIB = 1024**3
LOW_BYTES, LOW_SHARE = 5 * GIB, 0.10
STOP_BYTES, STOP_SHARE = 2 * GIB, 0.05
RESUME_FACTOR = 1.25
"""Intake goes on when there is that much more room than where it stopped: no flapping."""


@dataclass(frozen=True, slots=True)
class DiskUse:
    """The fullest of the disks that the desk writes to."""

    folder: Path
    free_bytes: int
    total_bytes: int

    @property
    def low_below_bytes(self) -> int:
        """Below that the owner is warned, and finished jobs' files go early."""
        return int(min(LOW_BYTES, self.total_bytes * LOW_SHARE))

    @property
    def stop_below_bytes(self) -> int:
        """Below that nothing new is taken in."""
        return int(min(STOP_BYTES, self.total_bytes * STOP_SHARE))

    @property
    def is_low(self) -> bool:
        """Whether room should be made."""
        return self.free_bytes < self.low_below_bytes

    def __str__(self) -> str:
        free, total = self.free_bytes / 1e9, self.total_bytes / 1e9
        return f"{free:.1f} GB of {total:.0f} GB are free on the disk of {self.folder}."


def fullest(folders: Sequence[Path]) -> DiskUse:
    """Measure the disks of these folders. Blocks."""
    uses = []
    for folder in folders:
        total, _, free = shutil.disk_usage(folder)
        uses.append(DiskUse(folder, free, total))
    return min(uses, key=lambda use: use.free_bytes - use.stop_below_bytes)


class DiskGuard:
    """Closes the intake before the disk is full. Lives on the core's loop."""

    def __init__(
        self,
        queue: JobQueue,
        measure: Callable[[], DiskUse],
        *,
        every_s: float = LOOK_EVERY_S,
    ) -> None:
        """`measure` blocks, and runs in a thread; it may raise OSError."""
        self._queue = queue
        self._measure = measure
        self._every_s = every_s
        self._use: DiskUse | None = None
        self._failure: str | None = None
        self._is_stopped = False
        self.low = asyncio.Event()
        """Set while room should be made."""

    async def run(self) -> None:
        """Look every few seconds until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> None:
        """Measure, and open or close the intake."""
        try:
            use = await asyncio.to_thread(self._measure)
        except OSError as failed:
            self._failure = f"The disk cannot be measured: {failed.strerror}."
            return
        self._use, self._failure = use, None
        if use.is_low:
            self.low.set()
        else:
            self.low.clear()
        limit = use.stop_below_bytes * (RESUME_FACTOR if self._is_stopped else 1.0)
        is_stopped = use.free_bytes < limit
        if is_stopped == self._is_stopped:
            return
        self._is_stopped = is_stopped
        if is_stopped:
            log.error("nothing new is taken in: %s", use)
            self._queue.obstruct(NO_ROOM, "The host's disk is nearly full.")
        else:
            log.info("new jobs are taken in again: %s", use)
            self._queue.obstruct(NO_ROOM, None)

    async def check(self) -> Check:
        """One line of health."""
        if self._use is None or self._failure is not None:
            await self.look()
        use = self._use
        if use is None or self._failure is not None:
            return Check("disk", "error", self._failure or "", "Check that the disk is mounted.")
        if self._is_stopped:
            remedy = "Free some space: until then no new job is taken in."
            return Check("disk", "error", str(use), remedy)
        if use.is_low:
            return Check("disk", "warning", str(use), "Free some space.")
        return Check("disk", "ok", str(use))
