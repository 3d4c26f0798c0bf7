"""Programs by name: of this machine's processes, and of a driver's list."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pynvml
import pytest

from jigdesk.adapters.resources.programs import NamedPrograms
from jigdesk.domain.holds import Sighting
from tests.harness.programs import is_over, running, sleeper
from tests.harness.waiting import eventually


class NoDriver:
    """NVIDIA's library where there is no driver."""

    def nvmlInit(self) -> None:  # noqa: N802
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was called without a driver")


class Driver:
    """Two cards: pids that compute on the first, and pids that draw on it; the second is mute."""

    def __init__(self) -> None:
        self.compute: list[int] = []
        self.graphics: list[int] = []
        self.names: dict[int, bytes] = {}
        self.is_mute = False
        self.is_lost = False
        self.opened = 0

    def nvmlInit(self) -> None:  # noqa: N802
        self.opened += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.opened -= 1
        if self.is_lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_DRIVER_NOT_LOADED)

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        if self.is_lost:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetComputeRunningProcesses(self, card: int) -> Any:  # noqa: N802
        return self._list(card, self.compute)

    def nvmlDeviceGetGraphicsRunningProcesses(self, card: int) -> Any:  # noqa: N802
        return self._list(card, self.graphics)

    def nvmlSystemGetProcessName(self, pid: int) -> Any:  # noqa: N802
        if self.opened < 1:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_UNINITIALIZED)
        if pid not in self.names:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return self.names[pid]

    def _list(self, card: int, pids: list[int]) -> Any:
        if card or self.is_mute:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return [SimpleNamespace(pid=pid, usedGpuMemory=None) for pid in pids]


@pytest.fixture
def game(tmp_path: Path) -> Iterator[psutil.Process]:
    """A program called like nothing else on this machine, and no child of this process."""
    with running(sleeper(tmp_path / "Jigdesk-Test-Game")) as process:
        yield process


async def test_without_a_driver_the_process_table_tells(game: psutil.Process) -> None:
    names = ("jigdesk-test-game", "jigdesk-test", "game")
    programs = NamedPrograms(names, NoDriver())
    assert await programs.look() == Sighting(("jigdesk-test-game",), on_gpu=False)
    game.kill()
    await eventually(lambda: is_over(game))
    assert await programs.look() == Sighting((), on_gpu=False)


async def test_the_desk_and_its_engine_never_count() -> None:
    own = psutil.Process().name()
    command = [sys.executable, "-c", "input()"]
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    driver = Driver()
    driver.compute = [os.getpid(), child.pid]
    names = (own, psutil.Process(child.pid).name(), Path(sys.executable).name)
    assert (await NamedPrograms(names, driver).look()).names == ()
    await child.communicate(b"\n")


async def test_with_a_driver_only_who_is_on_the_gpu_counts(game: psutil.Process) -> None:
    driver = Driver()
    programs = NamedPrograms(["Jigdesk-Test-Game"], driver)
    assert await programs.look() == Sighting((), on_gpu=True)
    for pids in (driver.compute, driver.graphics):
        pids.append(game.pid)
        assert await programs.look() == Sighting(("Jigdesk-Test-Game",), on_gpu=True)
        pids.clear()
    assert driver.opened == 0


async def test_a_pid_of_another_namespace_is_named_by_the_driver() -> None:
    gone = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await gone.wait()
    driver = Driver()
    driver.graphics = [gone.pid, gone.pid + 1_000_000]
    driver.names = {gone.pid: b"C:\\Games\\Game.exe"}
    sighting = await NamedPrograms(["game.exe"], driver).look()
    assert sighting == Sighting(("game.exe",), on_gpu=True)
    assert driver.opened == 0


async def test_a_driver_that_tells_no_processes_leaves_it_to_the_process_table(
    game: psutil.Process,
) -> None:
    driver = Driver()
    driver.is_mute = True
    programs = NamedPrograms(["jigdesk-test-game"], driver)
    assert await programs.look() == Sighting(("jigdesk-test-game",), on_gpu=False)
    assert game.is_running()
    assert driver.opened == 0


async def test_a_driver_that_goes_away_meanwhile_leaves_it_to_the_process_table(
    game: psutil.Process,
) -> None:
    driver = Driver()
    driver.is_lost = True  # it opened, and takes neither a question nor its end
    programs = NamedPrograms(["jigdesk-test-game"], driver)
    assert await programs.look() == Sighting(("jigdesk-test-game",), on_gpu=False)
    assert game.is_running()
    assert driver.opened == 0
    driver.is_lost = False
    assert await programs.look() == Sighting((), on_gpu=True)
