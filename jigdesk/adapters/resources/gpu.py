"""GPUs: by NVIDIA's library where it is, else as ComfyUI's `/system_stats` tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import pynvml  # type: ignore[import-untyped]

from jigdesk.domain.resources import GpuSample

MAX_GPUS = 16
_MILLIWATTS = 1000.0


class Nvml(Protocol):
    """What is used of `pynvml`; each call may raise `pynvml.NVMLError`."""

    NVML_TEMPERATURE_GPU: int

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVIDIA's names
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetName(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetMemoryInfo(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetTemperature(self, handle: Any, sensor: int) -> int: ...  # noqa: N802, D102
    def nvmlDeviceGetPowerUsage(self, handle: Any) -> int: ...  # noqa: N802, D102


class NvidiaGpus:
    """Reads the GPUs of this machine. Every method blocks; one thread at a time."""

    def __init__(self, nvml: Nvml = pynvml) -> None:
        self._nvml = nvml
        self._handles: list[Any] = []
        self._names: list[str] = []
        self._is_open = False

    def open(self) -> bool:
        """Load the driver's library; False where there is none, or no GPU."""
        try:
            self._nvml.nvmlInit()
        except pynvml.NVMLError:
            return False
        self._is_open = True
        try:
            count = min(self._nvml.nvmlDeviceGetCount(), MAX_GPUS)
            self._handles = [self._nvml.nvmlDeviceGetHandleByIndex(n) for n in range(count)]
            self._names = [_text(self._nvml.nvmlDeviceGetName(one)) for one in self._handles]
        except pynvml.NVMLError:
            self.close()
        return bool(self._handles)

    def read(self) -> tuple[GpuSample, ...]:
        """Every GPU now; a figure that this card does not have is None."""
        nvml, found = self._nvml, []
        sensor = nvml.NVML_TEMPERATURE_GPU
        for name, handle in zip(self._names, self._handles, strict=True):
            memory = _maybe(nvml.nvmlDeviceGetMemoryInfo, handle)
            rates = _maybe(nvml.nvmlDeviceGetUtilizationRates, handle)
            power_mw = _maybe(nvml.nvmlDeviceGetPowerUsage, handle)
            degrees = _maybe(nvml.nvmlDeviceGetTemperature, handle, sensor)
            found.append(
                GpuSample(
                    name,
                    busy=None if rates is None else rates.gpu / 100,
                    memory_used_bytes=None if memory is None else int(memory.used),
                    memory_total_bytes=None if memory is None else int(memory.total),
                    temperature_c=None if degrees is None else float(degrees),
                    power_w=None if power_mw is None else power_mw / _MILLIWATTS,
                )
            )
        return tuple(found)

    def close(self) -> None:
        """Let the library go; safe to call when it was never opened."""
        self._handles, self._names = [], []
        if self._is_open:
            self._is_open = False
            _maybe(self._nvml.nvmlShutdown)


def gpus_of_engine(stats: Mapping[str, Any]) -> tuple[GpuSample, ...]:
    """The GPUs in ComfyUI's `/system_stats`; empty for an engine on the CPU."""
    devices = stats.get("devices")
    found = []
    for device in (devices if isinstance(devices, list) else [])[:MAX_GPUS]:
        if not isinstance(device, dict) or device.get("type") in (None, "cpu"):
            continue
        total, free = device.get("vram_total"), device.get("vram_free")
        known = isinstance(total, int) and isinstance(free, int) and 0 <= free <= total
        found.append(
            GpuSample(
                str(device.get("name") or device["type"])[:100],
                memory_used_bytes=total - free if known else None,  # type: ignore[operator]
                memory_total_bytes=total if known else None,
            )
        )
    return tuple(found)


def _maybe(read: Callable[..., Any], *args: Any) -> Any:
    try:
        return read(*args)
    except pynvml.NVMLError:
        return None


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
