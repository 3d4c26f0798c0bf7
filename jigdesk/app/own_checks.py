"""Checks of the desk's own parts and its machine: journal, listeners, GPUs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from jigdesk.adapters.http.server import Listener
from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.app.kept_check import CheckCall
from jigdesk.domain.check import Check
from jigdesk.domain.resources import GpuSample
from jigdesk.ports import Journal
from jigdesk.services.queue import JobQueue

log = logging.getLogger(__name__)

NO_JOURNAL = "journal"
HOT_C = 88.0
"""Where NVIDIA's cards begin to slow down to protect themselves, with some room."""


def written_check(journal: Journal) -> CheckCall:
    """Whether the journal takes a write, to the disk; its failure says what is wrong."""

    async def check() -> Check:
        await journal.write_test()
        return Check("journal", "ok", "It takes writes.")

    return check


def closing_intake(queue: JobQueue) -> Callable[[Check], None]:
    """Take nothing new in while the journal's answer is an error: no promise could be kept."""
    is_closed = False

    def follow(check: Check) -> None:
        nonlocal is_closed
        if (check.level == "error") is is_closed:
            return
        is_closed = not is_closed
        if is_closed:
            log.error("nothing new is taken in: %s", check.message)
            queue.obstruct(NO_JOURNAL, "The host's journal takes no writes.")
        else:
            log.info("new jobs are taken in again: the journal takes writes")
            queue.obstruct(NO_JOURNAL, None)

    return follow


def listeners_check(listeners: Sequence[Listener]) -> CheckCall:
    """Whether both listeners take connections; no request is made of it."""

    async def check() -> Check:
        for listener in listeners:
            try:
                _, writer = await asyncio.open_connection(listener.host, listener.port)
            except OSError as failure:
                message = f"{listener.url} takes no connection: {failure.strerror or failure}."
                return Check("listener", "error", message, "Start JigDesk again.")
            writer.close()
        urls = " and ".join(listener.url for listener in listeners)
        return Check("listener", "ok", f"{urls} take connections.")

    return check


def gpu_check(sampler: ResourceSampler) -> CheckCall:
    """What the GPUs do, and whether one is too hot; a machine without one is well."""

    async def check() -> Check:
        latest = sampler.latest
        gpus = () if latest is None else latest.gpus
        if not gpus:
            return Check("gpu", "ok", "None is seen: the engine works on the CPU.")
        message = " ".join(f"{gpu.name}: {_figures(gpu)}." for gpu in gpus)
        if any(gpu.temperature_c is not None and gpu.temperature_c >= HOT_C for gpu in gpus):
            remedy = "It slows down to cool off: look at its fans, its dust and its power limit."
            return Check("gpu", "warning", message, remedy)
        return Check("gpu", "ok", message)

    return check


def _figures(gpu: GpuSample) -> str:
    figures = []
    if gpu.memory_used_bytes is not None and gpu.memory_total_bytes is not None:
        used, whole = gpu.memory_used_bytes / 1e9, gpu.memory_total_bytes / 1e9
        figures.append(f"{used:.1f} of {whole:.0f} GB in use")
    if gpu.temperature_c is not None:
        figures.append(f"{gpu.temperature_c:.0f} °C")
    return ", ".join(figures) or "no figures"
