"""One run of the ngrok agent: started behind the launcher, its log read, its local API asked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from pyngrok import conf
from pyngrok.log import NgrokLog

from jigdesk.adapters.process.environment import for_children
from jigdesk.domain.errors import SetupError, TunnelUnavailable
from jigdesk.files import write_whole

TUNNEL_NAME = "jigdesk"
API_TIMEOUT_S = 5.0
VERSION_TIMEOUT_S = 15.0
_MAX_VERSION_BYTES = 4096
_MAX_ANSWER_BYTES = 1024 * 1024
_WRAPPER_HEAD_BYTES = 4096
_VERSION = re.compile(r"version (\d+)\.")
_DIRECT = build_opener(ProxyHandler({}))
"""The environment's proxies are not for this machine, and `pyngrok.ngrok` asks them."""


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """How to start an agent; `program` None looks for one.

    `target_port` is the public listener's. `token` goes into `config_file` (mode 0600), never
    onto a command line.
    """

    target_port: int
    config_file: Path
    token: str | None = None
    domain: str | None = None
    region: str | None = None
    program: Path | None = None


class ApiFailure(Exception):
    """The local API answered with an error, or (status None) not at all."""

    def __init__(self, status: int | None, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def find_program(chosen: Path | None) -> Path:
    """The agent's program; raises SetupError that says how to get one. Blocks."""
    if chosen is not None:
        if not os.access(chosen, os.X_OK) or not chosen.is_file():
            raise SetupError(f"{chosen} is no program that can be run.", field="tunnel.ngrok_path")
        return chosen
    fetched = Path(conf.DEFAULT_NGROK_PATH)  # where pyngrok's own `ngrok` puts it
    if fetched.is_file():
        return fetched
    found = shutil.which("ngrok")
    if found is not None and not _is_wrapper(Path(found)):
        return Path(found)
    raise SetupError(
        "No ngrok agent was found. Install one (https://ngrok.com/download), set "
        f"tunnel.ngrok_path, or let pyngrok fetch it: {Path(sys.executable).with_name('ngrok')} "
        "version.",
        field="tunnel.ngrok_path",
    )


def _is_wrapper(path: Path) -> bool:
    """Whether it is pyngrok's script, which fetches the agent and starts it as its own child."""
    with path.open("rb") as file:
        return b"pyngrok" in file.read(_WRAPPER_HEAD_BYTES)


async def major_version(program: Path) -> int:
    """Ask the program for its version: 2 or 3. Raises SetupError."""
    try:
        process = await asyncio.create_subprocess_exec(
            str(program),
            "version",
            env=for_children(os.environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
    except OSError as failed:
        raise SetupError(
            f"{program} cannot be run: {failed.strerror}.", field="tunnel.ngrok_path"
        ) from failed
    said = b""
    try:
        async with asyncio.timeout(VERSION_TIMEOUT_S):
            assert process.stdout is not None  # noqa: S101 - asked for just above
            said = await process.stdout.read(_MAX_VERSION_BYTES)
            await process.wait()
    except TimeoutError:
        said = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    found = _VERSION.search(said.decode(errors="replace"))
    if found is None:
        raise SetupError(f"{program} is no ngrok agent.", field="tunnel.ngrok_path")
    return int(found.group(1))


def write_config(settings: AgentSettings, major: int, api_port: int) -> None:
    """Write the agent's configuration, which only this user may read. Blocks."""
    document: dict[str, Any] = {"web_addr": f"127.0.0.1:{api_port}"}
    if major >= 3:  # noqa: PLR2004 - ngrok's configuration format 2 is that of agent 3
        document |= {"version": "2", "update_check": False}
    else:
        document |= {"update": False}
    if settings.token is not None:
        document["authtoken"] = settings.token
    if settings.region is not None:
        document["region"] = settings.region
    write_whole(settings.config_file, json.dumps(document))  # which is YAML too


def command(program: Path, config_file: Path) -> tuple[str, ...]:
    """How the agent is started: with no tunnel, which is opened over its API."""
    return (str(program), "start", "--none", "--log", "stdout", "--config", str(config_file))


def parse_line(line: str) -> NgrokLog:
    """A line of the agent's log; `msg`, `err`, `addr` are None where it has none."""
    return NgrokLog(line)


async def ask(
    api_url: str, path: str, method: str = "GET", data: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    """Ask the agent's local API; raises ApiFailure. It blocks: it runs in a thread."""
    body = None if data is None else json.dumps(data).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{api_url}{path}", body, headers, method=method)  # noqa: S310 - http always

    def call() -> object:
        try:
            with _DIRECT.open(request, timeout=API_TIMEOUT_S) as answer:
                return json.loads(answer.read(_MAX_ANSWER_BYTES))
        except HTTPError as refused:
            with refused:
                said = refused.read(_MAX_ANSWER_BYTES).decode(errors="replace")
            raise ApiFailure(refused.code, said) from None

    try:
        answer = await asyncio.to_thread(call)
    except (HTTPException, OSError, ValueError, RecursionError) as failed:
        raise ApiFailure(None, str(failed)) from None
    if not isinstance(answer, dict):
        raise ApiFailure(None, "what answers there is no ngrok agent")
    return answer


async def open_tunnel(api_url: str, settings: AgentSettings, major: int) -> str:
    """Open our tunnel and return its URL; raises ApiFailure, and TunnelUnavailable for nonsense."""
    wanted: dict[str, Any] = {
        "name": TUNNEL_NAME,
        "proto": "http",
        "addr": f"127.0.0.1:{settings.target_port}",
        "inspect": False,  # what comes is signed and private: the agent need not keep it
    }
    if major >= 3:  # noqa: PLR2004
        wanted |= {"schemes": ["https"]}
        wanted |= {} if settings.domain is None else {"domain": settings.domain}
    else:
        wanted |= {"bind_tls": True}
        wanted |= {} if settings.domain is None else {"hostname": settings.domain}
    answer = await ask(api_url, "/api/tunnels", "POST", wanted)
    url = answer.get("public_url")
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise TunnelUnavailable("The ngrok agent opened a tunnel and did not say where.")
    return url


async def tunnel_url(api_url: str, is_ours: Callable[[Mapping[str, Any]], bool]) -> str | None:
    """The URL of the tunnel that `is_ours` picks; None when there is none. Raises ApiFailure."""
    answer = await ask(api_url, "/api/tunnels")
    tunnels = answer.get("tunnels")
    for tunnel in tunnels if isinstance(tunnels, list) else ():
        if isinstance(tunnel, dict) and is_ours(tunnel):
            url = tunnel.get("public_url")
            if isinstance(url, str) and url.startswith(("http://", "https://")):
                return url
    return None


def is_named_ours(tunnel: Mapping[str, Any]) -> bool:
    """Whether we opened it."""
    return tunnel.get("name") == TUNNEL_NAME


def leads_to(port: int) -> Callable[[Mapping[str, Any]], bool]:
    """Whether a tunnel leads to this machine's `port`."""
    here = re.compile(rf"(https?://)?(localhost|127\.0\.0\.1|\[::1\]):{port}/?")

    def decide(tunnel: Mapping[str, Any]) -> bool:
        config = tunnel.get("config")
        address = config.get("addr") if isinstance(config, dict) else None
        return isinstance(address, str) and here.fullmatch(address) is not None

    return decide
