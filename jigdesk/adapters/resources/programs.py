"""Named programs: who is on the GPU, as NVIDIA's driver tells, else who runs at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any, Protocol

import psutil
import pynvml  # type: ignore[import-untyped]

from jigdesk.adapters.resources.gpu import MAX_GPUS
from jigdesk.domain.holds import Sighting


class NvmlProcesses(Protocol):
    """What is used of `pynvml`; each call may raise `pynvml.NVMLError`."""

    def nvmlInit(self) -> None: ...  # noqa: N802, D102 - NVIDIA's names
    def nvmlShutdown(self) -> None: ...  # noqa: N802, D102
    def nvmlDeviceGetCount(self) -> int: ...  # noqa: N802, D102
    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlDeviceGetGraphicsRunningProcesses(self, handle: Any) -> Any: ...  # noqa: N802, D102
    def nvmlSystemGetProcessName(self, pid: int) -> Any: ...  # noqa: N802, D102


class NamedPrograms:
    """Looks for programs by name, upper and lower case alike; the desk's own never count.

    A name is that of the process or of its executable file, exactly.
    """

    def __init__(self, names: Iterable[str], nvml: NvmlProcesses = pynvml) -> None:
        self._names = {name.casefold(): name for name in names}
        self._nvml = nvml

    async def look(self) -> Sighting:
        """Look now, in a thread."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> Sighting:
        with self._driver() as has_driver:
            on_gpu = self._on_gpu() if has_driver else None
            if on_gpu is None:
                found = [self._named(process) for process in psutil.process_iter()]
            else:
                found = [self._named_on_gpu(pid) for pid in on_gpu]
        names = {name for name in found if name is not None}
        return Sighting(tuple(sorted(names)), on_gpu is not None)

    @contextlib.contextmanager
    def _driver(self) -> Iterator[bool]:
        """The library, open while the block lasts; false where there is none.

        It is opened for each look: a driver that is installed anew is found.
        """
        try:
            self._nvml.nvmlInit()
        except pynvml.NVMLError:
            yield False
            return
        try:
            yield True
        finally:
            # a driver that went away meanwhile does not take its end either
            with contextlib.suppress(pynvml.NVMLError):
                self._nvml.nvmlShutdown()

    def _on_gpu(self) -> set[int] | None:
        """The pids on all GPUs; None where no card tells."""
        nvml = self._nvml
        lists = []
        try:
            for index in range(min(nvml.nvmlDeviceGetCount(), MAX_GPUS)):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                for read in (
                    nvml.nvmlDeviceGetComputeRunningProcesses,
                    nvml.nvmlDeviceGetGraphicsRunningProcesses,
                ):
                    try:
                        lists.append(read(handle))
                    except pynvml.NVMLError:
                        continue  # this card does not tell
        except pynvml.NVMLError:
            return None
        return {int(one.pid) for found in lists for one in found} if lists else None

    def _named_on_gpu(self, pid: int) -> str | None:
        try:
            return self._named(psutil.Process(pid))
        except psutil.Error:
            pass  # gone, or the desk runs in a container and the pid is another one's
        try:
            return self._match(_text(self._nvml.nvmlSystemGetProcessName(pid)))
        except pynvml.NVMLError:
            return None

    def _named(self, process: psutil.Process) -> str | None:
        """The name in the settings that this process bears; None when it bears none."""
        try:
            name = self._match(process.name())
        except psutil.Error:
            return None
        if name is None:
            try:
                name = self._match(process.exe())
            except (psutil.Error, OSError):
                return None  # others' executables are not ours to see
        return None if name is None or _is_over(process) or _is_ours(process) else name

    def _match(self, path: str) -> str | None:
        name = PurePath(path.replace("\\", "/")).name
        return self._names.get(name.casefold())


def _is_over(process: psutil.Process) -> bool:
    """Whether it has ended, and only its parent has not asked for the exit status."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def _is_ours(process: psutil.Process) -> bool:
    """Whether it is the desk or below it: the engine is a program like others by its name."""
    own = os.getpid()
    try:
        return process.pid == own or any(parent.pid == own for parent in process.parents())
    except psutil.Error:
        return False


def _text(name: object) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)
