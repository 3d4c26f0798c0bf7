"""The demo engine as a process of its own, and a client that keeps what it hears."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness.waiting import PATIENCE_S

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class DemoEngine:
    """A running demo engine."""

    url: str
    base: Path
    http: aiohttp.ClientSession
    process: asyncio.subprocess.Process
    printed: list[str]

    async def get(self, path: str, **query: str) -> Any:
        async with self.http.get(self.url + path, params=query) as answer:
            return await answer.json()

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status, and the body: parsed when it is JSON, else as text."""
        async with self.http.post(self.url + path, json=body) as answer:
            is_json = answer.content_type == "application/json"
            return answer.status, await (answer.json() if is_json else answer.text())

    async def upload(self, name: str, body: bytes, **fields: str) -> tuple[int, Any]:
        form = aiohttp.FormData(fields)
        form.add_field("image", body, filename=name, content_type="application/octet-stream")
        async with self.http.post(self.url + "/upload/image", data=form) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else text

    @asynccontextmanager
    async def listen(self, client_id: str, *, metadata: bool = False) -> AsyncIterator[Listener]:
        async with self.http.ws_connect(f"{self.url}/ws?clientId={client_id}") as socket:
            if metadata:
                flags = {"supports_preview_metadata": True}
                await socket.send_json({"type": "feature_flags", "data": flags})
            listener = Listener(socket)
            await listener.until("status")
            if metadata:
                await listener.until("feature_flags")
            yield listener


class Listener:
    """A client's socket; `frames` holds all that came so far, JSON objects and bytes."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.frames: list[Any] = []

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            message = await self.socket.receive()
        if message.type is aiohttp.WSMsgType.BINARY:
            self.frames.append(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            self.frames.append(json.loads(message.data))
        else:
            raise ConnectionError(f"the socket ended: {message.type!r}")
        return self.frames[-1]

    async def until(self, kind: str, **data: Any) -> Any:
        """Read on until a frame of that type with that data comes; returns its data."""
        while True:
            frame = await self.next()
            if isinstance(frame, dict) and frame["type"] == kind:
                found: dict[str, Any] = frame["data"]
                if all(key in found and found[key] == value for key, value in data.items()):
                    return found

    async def until_left(self, prompt_id: str) -> None:
        await self.until("executing", node=None, prompt_id=prompt_id)


@asynccontextmanager
async def demo_engine(base: Path, *args: str) -> AsyncIterator[DemoEngine]:
    """Start a demo engine on a free port and stop it at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jigdesk.demo",
        "--port=0",
        f"--base-directory={base}",
        *args,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    printed: list[str] = []
    url = None
    async with asyncio.timeout(PATIENCE_S):
        while url is None:
            line = (await process.stdout.readline()).decode()
            assert line, f"the demo engine ended: {printed}"
            printed.append(line)
            found = re.search(r"http://\S+", line)
            url = found and found.group()
    reading = asyncio.create_task(_read(process.stdout, printed))
    try:
        async with aiohttp.ClientSession() as http:
            yield DemoEngine(url, base, http, process, printed)
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()
            await reading


async def _read(stream: asyncio.StreamReader, printed: list[str]) -> None:
    while chunk := await stream.read(65536):
        printed.append(chunk.decode())
