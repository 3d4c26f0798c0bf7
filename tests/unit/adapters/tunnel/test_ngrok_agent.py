"""The agent's program, configuration and API, as far as they need no agent."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pyngrok import conf

from jigdesk.adapters.tunnel.ngrok_agent import (
    AgentSettings,
    ApiFailure,
    ask,
    command,
    find_program,
    leads_to,
    write_config,
)
from jigdesk.domain.errors import SetupError


def _program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_the_chosen_program_must_run(tmp_path: Path) -> None:
    program = _program(tmp_path / "agent")
    assert find_program(program) == program
    program.chmod(0o644)
    with pytest.raises(SetupError, match="no program that can be run"):
        find_program(program)


def test_pyngroks_wrapper_is_no_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conf, "DEFAULT_NGROK_PATH", str(tmp_path / "fetched"))
    wrapper = _program(tmp_path / "bin" / "ngrok", "#!/bin/python\nfrom pyngrok import run\n")
    monkeypatch.setenv("PATH", str(wrapper.parent))
    with pytest.raises(SetupError, match=r"Install one") as refused:
        find_program(None)
    assert refused.value.field == "tunnel.ngrok_path"
    real = _program(tmp_path / "bin" / "ngrok")
    assert find_program(None) == real
    fetched = _program(tmp_path / "fetched")
    assert find_program(None) == fetched


@pytest.mark.parametrize("major", [2, 3])
def test_the_configuration_is_private_and_says_what_the_version_knows(
    tmp_path: Path, major: int
) -> None:
    settings = AgentSettings(8765, tmp_path / "a" / "ngrok.yml", "a-token", region="eu")
    settings.config_file.parent.mkdir()
    settings.config_file.write_text("old")
    settings.config_file.chmod(0o644)
    write_config(settings, major, 4555)
    assert stat.S_IMODE(settings.config_file.stat().st_mode) == 0o600
    written = json.loads(settings.config_file.read_text())
    assert written["web_addr"] == "127.0.0.1:4555"
    assert (written["authtoken"], written["region"]) == ("a-token", "eu")
    assert written.get("version") == ("2" if major == 3 else None)
    assert "a-token" not in " ".join(command(Path("ngrok"), settings.config_file))


@pytest.mark.parametrize(
    ("address", "ours"),
    [
        ("http://localhost:8765", True),
        ("127.0.0.1:8765", True),
        ("https://127.0.0.1:8765/", True),
        ("http://localhost:87650", False),
        ("http://192.0.2.1:8765", False),
        (8765, False),
    ],
)
def test_only_a_tunnel_to_our_listener_leads_here(address: object, ours: bool) -> None:
    assert leads_to(8765)({"name": "x", "config": {"addr": address}}) is ours
    assert not leads_to(8765)({"name": "x", "config": None})


@asynccontextmanager
async def _answering(answer: bytes) -> AsyncIterator[str]:
    """Answers the first bytes of each connection with these, and closes it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="closed"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="no HTTP"),
        pytest.param(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"tun', id="cut off"),
        pytest.param(b"HTTP/1.1 502 X\r\nContent-Length: 500\r\n\r\n{", id="error cut off"),
        pytest.param(b"HTTP/1.1 502 X\r\nContent-Length: 1\r\n\r\n\xff", id="no UTF-8"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", id="no object"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull", id="null"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n" + b"[" * 90_000, id="deep"
        ),
    ],
)
async def test_whatever_answers_on_the_port_of_the_api_is_a_failure(answer: bytes) -> None:
    async with _answering(answer) as url:
        with pytest.raises(ApiFailure):
            await ask(url, "/api/tunnels")


async def test_the_api_is_asked_past_the_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setattr("urllib.request._opener", None)  # else one that knows no proxy may be kept
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"tunnels":[]}'
    async with _answering(answer) as url:
        assert await ask(url, "/api/tunnels") == {"tunnels": []}
