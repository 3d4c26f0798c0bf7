"""What the machine is doing: one sample a second, with the jobs that ran then."""

from __future__ import annotations

from collections.abc import Mapping
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
