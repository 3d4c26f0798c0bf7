"""What the machine is doing: one sample a second, with the jobs that ran then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from jigdesk.domain.clock import to_rfc3339


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One GPU. Whatever its driver, or ComfyUI in its place, does not tell is None.

    `busy` is 0 to 1; the temperature is in degrees Celsius, the power in watts.
    """

    name: str
    busy: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    temperature_c: float | None = None
    power_w: float | None = None


@dataclass(frozen=True, slots=True)
class ResourceSample:
    """The machine at one moment; rates are over the time since the sample before.

    `cpu` is 0 to 1 over all cores, `disk_*` is of the jobs' disk (its rates of all disks),
    `job_ids` are the jobs that held an engine slot.
    """

    at: datetime
    cpu: float
    memory_used_bytes: int
    memory_total_bytes: int
    disk_free_bytes: int
    disk_total_bytes: int
    disk_read_bytes_per_s: float
    disk_write_bytes_per_s: float
    network_received_bytes_per_s: float
    network_sent_bytes_per_s: float
    gpus: tuple[GpuSample, ...] = ()
    job_ids: tuple[str, ...] = ()

    def to_dict(self) -> Mapping[str, Any]:
        """The JSON object of the control API."""
        return {**asdict(self), "at": to_rfc3339(self.at)}


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """How much memory the machine used; `vram` has used and whole bytes of each GPU that tells."""

    ram_bytes: int
    ram_total_bytes: int
    vram: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        text = f"{_of(self.ram_bytes, self.ram_total_bytes)} of RAM"
        for number, (used, whole) in enumerate(self.vram):
            name = "VRAM" if len(self.vram) == 1 else f"GPU {number}'s VRAM"
            text += f" and {_of(used, whole)} of {name}"
        return f"{text} in use"


def most_used(samples: Iterable[ResourceSample]) -> MemoryUse | None:
    """The most that these samples saw of each memory; None without samples."""
    kept = tuple(samples)
    if not kept:
        return None
    vram: dict[int, tuple[int, int]] = {}
    for sample in kept:
        for number, gpu in enumerate(sample.gpus):
            used, whole = gpu.memory_used_bytes, gpu.memory_total_bytes
            if used is not None and whole is not None:
                vram[number] = max(vram.get(number, (0, 0)), (used, whole))
    return MemoryUse(
        max(sample.memory_used_bytes for sample in kept),
        kept[-1].memory_total_bytes,
        tuple(vram[number] for number in sorted(vram)),
    )


def _of(used: int, whole: int) -> str:
    return f"{used / 2**30:.1f} of {whole / 2**30:.1f} GiB"
