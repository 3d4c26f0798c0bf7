"""A fake ComfyUI and a client on it, with waits short enough for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.comfyui.timing import Timing
from tests.fakes.comfyui_server import FakeComfyServer, open_server
from tests.harness.waiting import PATIENCE_S

CLIENT_ID = "desk-0001"


@pytest.fixture
def timing() -> Timing:
    return Timing(
        request_s=PATIENCE_S,
        post_s=PATIENCE_S,
        connect_s=PATIENCE_S,
        socket_wait_s=2,
        reconcile_s=600,  # frames alone, unless a test looks: a busy machine's come late
        settle_s=0.05,
        lost_after_s=0.6,
        unreachable_s=3,
        stall_timeout_s=600,
        close_s=0.5,
        backoff_first_s=0.02,
        backoff_most_s=0.1,
    )


@pytest.fixture
def hasty(timing: Timing) -> Timing:
    """One that looks by itself when no frame comes."""
    return replace(timing, reconcile_s=0.2)


@pytest.fixture
async def server() -> AsyncIterator[FakeComfyServer]:
    async with open_server() as server:
        yield server


@pytest.fixture
async def engine(server: FakeComfyServer, timing: Timing) -> AsyncIterator[ComfyEngine]:
    async with ComfyEngine.open(server.url, CLIENT_ID, timing) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        yield engine


@pytest.fixture
async def looking(server: FakeComfyServer, hasty: Timing) -> AsyncIterator[ComfyEngine]:
    """An engine whose runs look by themselves."""
    async with ComfyEngine.open(server.url, CLIENT_ID, hasty) as engine:
        assert await engine.wait_connected(PATIENCE_S)
        yield engine
