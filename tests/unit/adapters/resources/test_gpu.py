"""GPUs, as far as they can be told without one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from jigdesk.adapters.resources.gpu import NvidiaGpus, gpus_of_engine
from jigdesk.domain.resources import GpuSample

GIB = 1024**3


class Driver:
    """Stands for NVIDIA's library: two cards, of which the second has no power sensor."""

    NVML_TEMPERATURE_GPU = 0

    def __init__(self) -> None:
        self.is_open = False

    def nvmlInit(self) -> None:  # noqa: N802
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> Any:  # noqa: N802
        return b"Old driver's card" if handle else "NVIDIA RTX"

    def nvmlDeviceGetMemoryInfo(self, _: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=5 * GIB, total=24 * GIB)

    def nvmlDeviceGetUtilizationRates(self, _: int) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=73, memory=10)

    def nvmlDeviceGetTemperature(self, _handle: int, _sensor: int) -> int:  # noqa: N802
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        if handle:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return 220_500


def test_what_a_card_does_not_tell_is_none() -> None:
    driver = Driver()
    gpus = NvidiaGpus(driver)
    assert gpus.open()
    first, second = gpus.read()
    assert first == GpuSample("NVIDIA RTX", 0.73, 5 * GIB, 24 * GIB, 61, 220.5)
    assert (second.name, second.power_w, second.busy) == ("Old driver's card", None, 0.73)
    gpus.close()
    assert not driver.is_open
    assert gpus.read() == ()


def test_a_machine_without_a_driver_has_no_gpus() -> None:
    class NoDriver(Driver):
        def nvmlInit(self) -> None:  # noqa: N802
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    gpus = NvidiaGpus(NoDriver())
    assert not gpus.open()
    assert gpus.read() == ()
    gpus.close()


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (
            [{"name": "cuda:0 RTX", "type": "cuda", "vram_total": 24 * GIB, "vram_free": 4 * GIB}],
            (GpuSample("cuda:0 RTX", None, 20 * GIB, 24 * GIB),),
        ),
        ([{"name": "mps", "type": "mps", "vram_total": "?", "vram_free": 1}], (GpuSample("mps"),)),
        ([{"name": "cpu", "type": "cpu", "vram_total": 1, "vram_free": 1}], ()),
        (None, ()),
        (["nonsense"], ()),
    ],
)
def test_the_engine_tells_its_gpus(devices: object, expected: tuple[GpuSample, ...]) -> None:
    assert gpus_of_engine({"devices": devices}) == expected
