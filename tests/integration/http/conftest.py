"""Both listeners over real loopback sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.fakes.http_desk import HttpDesk, http_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[HttpDesk]:
    async with http_desk(tmp_path) as running:
        yield running


@pytest.fixture
async def web_client() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(
        timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
    ) as client:
        yield client
