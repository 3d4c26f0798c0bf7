"""A fake ComfyUI and a client on it, with waits short enough for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from tests.fakes.comfyui_server import FakeComfyServer, open_server
from tests.harness.waiting import PATIENCE_S

CLIENT_ID = "desk-0001"


@pytest.fixture
def timing() -> Timing:
    return Timing(
        request_s=5,
        post_s=5,
        connect_s=2,
        socket_wait_s=2,
        reconcile_s=0.2,
        settle_s=0.05,
        lost_after_s=0.3,
        unreachable_s=0.5,
        stall_timeout_s=60,
        close_s=0.5,
        backoff_first_s=0.02,
        backoff_most_s=0.1,
    )


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyServer]:
    async with open_server() as server:
        yield server


@pytest.fixture
async def engine(server: FakeComfyServer, timing: Timing) -> AsyncIterator[ComfyEngine]:
    async with ComfyEngine.open(server.url, CLIENT_ID, timing) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        yield engine
