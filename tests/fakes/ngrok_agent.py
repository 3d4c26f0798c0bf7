"""A FAKE ngrok agent for tests: a real process with ngrok's log lines and local API.

It relays TCP on loopback from a "public" port to the tunnel's target and touches no network.
Only the standard library: it is copied to a file called `ngrok` and run from there. It reads
`fake.json` beside it at its start: `version` (2 or 3), `refusal` (the text of an error of
ngrok's servers), `silent` (never connects), `api_refusal` (what opening a tunnel answers).
Beside ngrok's API it takes `POST /fake/drop`, `/fake/back`, `/fake/url` and `/fake/target`.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

FAKE = Path(__file__).parent / "fake.json"


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say(level: str, msg: str, **more: str) -> None:
    fields = " ".join(f"{key}={json.dumps(value)}" for key, value in more.items())
    tell(f't=2026-03-01T12:00:00+0000 lvl={level} msg="{msg}" {fields}'.rstrip())


class Agent:
    def __init__(self, told: dict[str, Any], config: dict[str, Any]) -> None:
        self.told = told
        self.config = config
        self.is_connected = False
        self.tunnel: dict[str, Any] | None = None
        self.target: int | None = None
        self.relay: asyncio.Server | None = None
        self.requests = 0

    async def run(self) -> int:
        host, _, port = self.config["web_addr"].rpartition(":")
        say("info", "open config file", path=sys.argv[-1])
        await asyncio.start_server(self.serve_api, host, int(port))
        say("info", "starting web service", obj="web", addr=self.config["web_addr"])
        if refusal := self.told.get("refusal"):
            await asyncio.sleep(0.05)
            say("eror", "failed to reconnect session", obj="csess", err=refusal)
            if self.told["version"] == 3:
                tell(f"ERROR:  {refusal}")
                return 1
        elif not self.told.get("silent"):
            self.connect()
        await asyncio.Event().wait()
        return 0

    def connect(self) -> None:
        self.is_connected = True
        name = (
            "client session established" if self.told["version"] == 2 else "tunnel session started"
        )
        say("info", name, obj="csess" if self.told["version"] == 2 else "tunnels.session")

    # --- the relay ---------------------------------------------------------------------------

    async def listen(self) -> None:
        if self.relay is not None:
            self.relay.close()
        self.relay = await asyncio.start_server(self.pass_on, "127.0.0.1", 0)
        port = self.relay.sockets[0].getsockname()[1]
        assert self.tunnel is not None
        self.tunnel["public_url"] = f"http://127.0.0.1:{port}"
        say(
            "info",
            "started tunnel",
            obj="tunnels",
            name=self.tunnel["name"],
            addr=self.tunnel["config"]["addr"],
            url=self.tunnel["public_url"],
        )

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        if not self.is_connected:
            writer.write(
                b"HTTP/1.1 404 Not Found\r\nngrok-error-code: ERR_NGROK_3200\r\n"
                b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
            writer.close()
            return
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, there[1]), copy(there[0], writer))

    # --- the local API -----------------------------------------------------------------------

    async def serve_api(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, path, _ = (await reader.readline()).decode().split(" ", 2)
        length = 0
        while line := (await reader.readline()).decode().strip():
            name, _, value = line.partition(":")
            if name.lower() == "content-length":
                length = int(value)
        body = json.loads(await reader.readexactly(length) or b"{}") if length else {}
        status, answer = await self.answer(method, path, body)
        payload = json.dumps(answer).encode()
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n"
            f"content-length: {len(payload)}\r\nconnection: close\r\n\r\n".encode()
            + payload
        )
        await writer.drain()
        writer.close()

    async def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        if (method, path) == ("GET", "/api/tunnels"):
            found = [] if self.tunnel is None else [self.tunnel]
            return 200, {"tunnels": found, "uri": "/api/tunnels"}
        if (method, path) == ("POST", "/api/tunnels"):
            return await self.open(body)
        if path == "/fake/drop":
            self.is_connected = False
            say("eror", "session closed, starting reconnect loop", obj="csess", err="EOF")
        elif path == "/fake/back":
            self.connect()
        elif path == "/fake/url":
            await self.listen()
        elif path == "/fake/target":
            self.target = int(body["port"])
        elif path == "/fake/state":
            return 200, {"requests": self.requests, "tunnel": self.tunnel, "config": self.config}
        else:
            return 404, {"error_code": 100, "status_code": 404, "msg": "no such thing"}
        return 200, {}

    async def open(self, body: dict[str, Any]) -> tuple[int, Any]:
        if not self.is_connected:
            err = "a successful ngrok tunnel session has not yet been established"
            msg = "ngrok is not yet ready to start tunnels"
            return 503, {"error_code": 104, "status_code": 503, "msg": msg, "details": {"err": err}}
        if refusal := self.told.get("api_refusal"):
            msg = "failed to start tunnel"
            details = {"err": refusal}
            return 502, {"error_code": 103, "status_code": 502, "msg": msg, "details": details}
        self.tunnel = {
            "name": body["name"],
            "proto": "https",
            "config": {"addr": body["addr"]},
            "asked": body,
        }
        self.target = int(str(body["addr"]).rpartition(":")[2])
        await self.listen()
        return 201, self.tunnel


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def main() -> int:
    told = {"version": 3, **(json.loads(FAKE.read_text()) if FAKE.exists() else {})}
    if sys.argv[1:] == ["version"]:
        tell(f"ngrok version {told['version']}.99.0-fake")
        return 0
    config = json.loads(Path(sys.argv[sys.argv.index("--config") + 1]).read_text())
    return asyncio.run(Agent(told, config).run())


if __name__ == "__main__":
    sys.exit(main())
