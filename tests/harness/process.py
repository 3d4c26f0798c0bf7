"""A desk in a process of its own, that can really be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from tests.harness.browser import Browser
from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S


class DeskProcess:
    """`jigdesk serve` with its home at `home`; start, kill and start again."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self._port = free_port()
        self.env = {
            **os.environ,
            "JIGDESK_HOME": str(home),
            "JIGDESK_COMFYUI__PORT": str(free_port()),
            "JIGDESK_SERVER__PUBLIC_PORT": "0",
            "JIGDESK_SERVER__LOCAL_PORT": str(self._port),
            **(env or {}),
        }
        self._process: asyncio.subprocess.Process | None = None
        self.output: list[str] = []
        self.started_in_s = 0.0

    @property
    def local_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self, timeout_s: float = PATIENCE_S) -> None:
        """Start and wait for the word `ready`."""
        began = time.monotonic()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "jigdesk",
            "serve",
            env=self.env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(timeout_s):
            async for line in self._process.stdout:
                self.output.append(line.decode().rstrip())
                if self.output[-1] == "ready":
                    self.started_in_s = time.monotonic() - began
                    return
        raise AssertionError("\n".join(self.output[-30:]))

    async def kill(self) -> None:
        """kill -9."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """SIGTERM; returns the exit status."""
        return await self._end(signal.SIGTERM)

    def family(self) -> list[psutil.Process]:
        """Every process that the desk started."""
        return psutil.Process(self.pid).children(recursive=True)

    async def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(number)
        output, _ = await process.communicate()
        self.output += output.decode().splitlines()
        self._process = None
        return process.returncode or 0


@asynccontextmanager
async def desk_process(
    home: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[DeskProcess, Browser]]:
    """A started desk and a browser; whatever is left is killed at the end."""
    desk = DeskProcess(home, env)
    try:
        await desk.start()
        async with aiohttp.ClientSession() as http:
            yield desk, Browser(http, desk.local_url)
    finally:
        await desk.kill()


async def gone(processes: list[psutil.Process], timeout_s: float = PATIENCE_S) -> bool:
    """Whether all of these end in time."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=timeout_s)
    return not alive
