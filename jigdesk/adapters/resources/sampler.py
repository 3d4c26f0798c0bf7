"""Samples the machine every second in a thread of its own, and keeps the last quarter hour."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import psutil

from jigdesk.adapters.resources.gpu import NvidiaGpus
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.resources import GpuSample, ResourceSample

log = logging.getLogger(__name__)

EVERY_S = 1.0
KEPT_S = 15 * 60
STOP_WITHIN_S = 5.0

SampleListener = Callable[[ResourceSample], None]


@dataclass(frozen=True, slots=True)
class _Totals:
    """Counters that only grow, and when they were read."""

    at_s: float
    read_bytes: int
    write_bytes: int
    received_bytes: int
    sent_bytes: int

    @classmethod
    def now(cls) -> _Totals:
        network = psutil.net_io_counters()
        try:
            disk = psutil.disk_io_counters()
        except NotImplementedError:  # a sandbox, such as gVisor, tells of no disks
            disk = None
        return cls(
            time.monotonic(),
            disk.read_bytes if disk else 0,  # a machine with no disk of its own (a container)
            disk.write_bytes if disk else 0,
            network.bytes_recv if network else 0,
            network.bytes_sent if network else 0,
        )

    def rates(self, before: _Totals) -> tuple[float, float, float, float]:
        """Bytes a second since `before`: read, written, received, sent."""
        seconds = max(self.at_s - before.at_s, 1e-3)

        def rate(now: int, then: int) -> float:
            return max(0, now - then) / seconds  # a disk or network card may go away

        return (
            rate(self.read_bytes, before.read_bytes),
            rate(self.write_bytes, before.write_bytes),
            rate(self.received_bytes, before.received_bytes),
            rate(self.sent_bytes, before.sent_bytes),
        )


class ResourceSampler:
    """Keeps a bounded history. Made and read on the core's loop; `running` opens it.

    `jobs` is asked on the loop for the jobs that run at the moment of a sample.
    """

    def __init__(
        self,
        folder: Path,
        jobs: Callable[[], Sequence[str]],
        *,
        every_s: float = EVERY_S,
        kept_s: float = KEPT_S,
        gpus: NvidiaGpus | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._folder = folder
        self._jobs = jobs
        self._every_s = every_s
        self._kept_s = kept_s
        self._gpus = gpus or NvidiaGpus()
        self._clock = clock
        self._history: deque[ResourceSample] = deque(maxlen=max(1, round(kept_s / every_s)))
        self._listeners: list[SampleListener] = []
        self._told_gpus: tuple[GpuSample, ...] = ()
        self._stop = threading.Event()
        self.reads_gpus = False
        """Whether the driver tells about GPUs; else `tell_gpus` is all that is known."""

    @property
    def latest(self) -> ResourceSample | None:
        """The newest; None before the first."""
        return self._history[-1] if self._history else None

    def history(self, seconds: float | None = None) -> tuple[ResourceSample, ...]:
        """The samples of the last `seconds` (None: all that are kept), oldest first."""
        if seconds is None:
            return tuple(self._history)
        since = self._clock() - timedelta(seconds=min(seconds, self._kept_s))
        return tuple(sample for sample in self._history if sample.at >= since)

    def subscribe(self, listener: SampleListener) -> Callable[[], None]:
        """Call `listener` on the loop with each sample; it must not block or raise.

        Returns the way to unsubscribe.
        """
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def tell_gpus(self, gpus: Sequence[GpuSample]) -> None:
        """What the engine says of its GPUs, for a machine whose driver says nothing."""
        self._told_gpus = tuple(gpus)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sample while the block runs."""
        loop = asyncio.get_running_loop()
        # opened here, not by the thread: whether GPUs are read is known from the start
        self.reads_gpus = await asyncio.to_thread(self._gpus.open)
        thread = threading.Thread(target=self._sample, args=(loop,), name="resources", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            await asyncio.to_thread(self._close, thread)

    def _close(self, thread: threading.Thread) -> None:
        thread.join(STOP_WITHIN_S)
        if not thread.is_alive():  # a driver that hangs keeps the library
            self._gpus.close()

    def _sample(self, loop: asyncio.AbstractEventLoop) -> None:
        """The thread: one sample every `every_s`; a slow one is not made up for."""
        psutil.cpu_percent()  # the first answer means nothing
        before = _Totals.now()
        while not self._stop.wait(self._every_s):
            try:
                now = _Totals.now()
                sample = self._read(now.rates(before))
                before = now
            except (psutil.Error, OSError) as failed:
                log.debug("no sample: %s", failed)
                continue
            with contextlib.suppress(RuntimeError):  # the loop was closed: nobody listens
                loop.call_soon_threadsafe(self._keep, sample)

    def _read(self, rates: tuple[float, float, float, float]) -> ResourceSample:
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(self._folder))
        return ResourceSample(
            self._clock(),
            psutil.cpu_percent() / 100,
            memory.total - memory.available,
            memory.total,
            disk.free,
            disk.total,
            *rates,
            gpus=self._gpus.read(),
        )

    def _keep(self, sample: ResourceSample) -> None:
        gpus = sample.gpus or self._told_gpus
        kept = replace(sample, gpus=gpus, job_ids=tuple(self._jobs()))
        self._history.append(kept)
        for listener in tuple(self._listeners):
            listener(kept)
