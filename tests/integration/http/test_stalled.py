"""A reader of the object store that takes nothing any more."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import psutil
import pytest

from jigdesk.adapters.http import files
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner
from tests.fakes.http_desk import Wishes, http_desk
from tests.harness.waiting import eventually

KEY = "outputs/7d1f0c3e-0000-4000-8000-0000000000e2/blur/large.bin"


def accepted(port: int) -> bool:
    """Whether this process has a connection that came to `port`."""
    found = psutil.Process().net_connections("tcp")
    return any(each.laddr.port == port and each.raddr for each in found)


async def test_a_download_that_stalls_is_dropped_and_is_no_bug_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(files, "IDLE_TIMEOUT_S", 0.5)
    store = LocalStore(tmp_path, "jig-react", UrlSigner(bytes(32)), lambda: "http://localhost")
    # more than the kernel's buffers on both sides take
    store.put(KEY, bytes(32 << 20), "application/octet-stream")
    target = store.presign_get(KEY, 60).removeprefix("http://localhost")
    async with http_desk(tmp_path, Wishes(files=files.file_routes(store))) as desk:
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.local.port, limit=1024)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        assert accepted(desk.local.port)
        await eventually(lambda: not accepted(desk.local.port))
        writer.transport.abort()
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
