"""The watch over the public URL, with the fake agent: what it spends, and what it begins anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web

from jigdesk.adapters.http.public import health_proof
from jigdesk.adapters.tunnel.ngrok import NgrokTunnel
from jigdesk.adapters.tunnel.ngrok_agent import AgentSettings
from jigdesk.adapters.tunnel.state import TunnelState
from jigdesk.app.tunnel_pace import WatchTimes
from jigdesk.app.tunnels import DeskTunnel
from tests.fakes.families import eventually
from tests.fakes.ngrok_program import fake_ngrok
from tests.harness.waiting import PATIENCE_S
from tests.integration.tunnel.test_ngrok import QUICK, TOKEN

RUN_KEY = b"k" * 32


@dataclass
class Edge:
    """What answers through the tunnel: the desk (200), or something in its place."""

    status: int = 200
    code: str | None = None
    asked_s: list[float] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked_s.append(time.monotonic())
        if self.status == 200:
            return web.json_response({"proof": health_proof(RUN_KEY, request.query["nonce"])})
        headers = {} if self.code is None else {"ngrok-error-code": self.code}
        return web.Response(status=self.status, headers=headers)


@dataclass
class Watched:
    """A watched tunnel; `renewed_s` says when it was begun anew, `pids` are those of its agents."""

    tunnel: DeskTunnel
    edge: Edge
    renewed_s: list[float]
    pids: list[int] = field(default_factory=list)


class NotedTunnel(NgrokTunnel):
    """Notes when it is told to begin anew."""

    def __init__(self, settings: AgentSettings, renewed_s: list[float]) -> None:
        super().__init__(settings, QUICK)
        self._renewed_s = renewed_s

    def renew(self, reason: str) -> None:
        self._renewed_s.append(time.monotonic())
        super().renew(reason)


@asynccontextmanager
async def watched(tmp_path: Path, edge: Edge, times: WatchTimes) -> AsyncIterator[Watched]:
    app = web.Application()
    app.router.add_get("/healthz", edge.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = AgentSettings(
        runner.addresses[0][1],
        tmp_path / "ngrok.yml",
        TOKEN,
        program=fake_ngrok(tmp_path / "bin"),
    )
    renewed_s: list[float] = []
    tunnel = DeskTunnel("ngrok", NotedTunnel(settings, renewed_s), RUN_KEY, times)
    seen = Watched(tunnel, edge, renewed_s)

    def look(state: TunnelState) -> None:
        if state.pid is not None and state.pid not in seen.pids:
            seen.pids.append(state.pid)

    tunnel.subscribe(look)
    task = asyncio.create_task(tunnel.run())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.wait([task])
        await runner.cleanup()
    assert task.cancelled(), task.exception()


async def test_a_good_url_is_looked_at_again_when_its_time_has_come(tmp_path: Path) -> None:
    times = WatchTimes(every_s=1.0, again_s=PATIENCE_S)
    async with watched(tmp_path, Edge(), times) as seen:
        await eventually(lambda: len(seen.edge.asked_s) >= 4)
        assert seen.tunnel.view()["reaches"] == "ours"
        asked_s = seen.edge.asked_s
        gaps_s = [later - earlier for earlier, later in pairwise(asked_s)]
        # a clock of its own measures them; the answer's way is part of each gap
        assert min(gaps_s) > 0.9 * times.every_s
        # and what goes bad meanwhile is found by the next look
        seen.edge.status = 502
        await eventually(lambda: seen.tunnel.view()["reaches"] == "unreachable")


@pytest.mark.parametrize(
    ("status", "code", "level", "remedy"),
    [
        (502, "ERR_NGROK_727", "error", "next month"),
        (502, "ERR_NGROK_725", "error", "next month"),
        (502, "ERR_NGROK_103", "error", "support"),
        (429, "ERR_NGROK_702", "warning", "raise the plan"),
        (429, None, "warning", "raise the plan"),
    ],
)
async def test_what_the_account_may_not_do_begins_nothing_anew(
    tmp_path: Path, status: int, code: str | None, level: str, remedy: str
) -> None:
    edge = Edge(status, code)
    async with watched(tmp_path, edge, WatchTimes(every_s=0.5, again_s=0.05)) as seen:
        await eventually(lambda: len(edge.asked_s) >= 4)
        assert len(seen.pids) == 1
        assert seen.renewed_s == []
        check = await seen.tunnel.check()
        assert check.level == level
        assert (code or "429") in check.message
        assert remedy in (check.remedy or "")
        # it is found good again without anybody's doing
        edge.status = 200
        await eventually(lambda: seen.tunnel.view()["reaches"] == "ours")
        assert len(seen.pids) == 1


async def test_agents_that_do_not_help_are_begun_ever_more_rarely(tmp_path: Path) -> None:
    times = WatchTimes(every_s=2.0, again_s=0.1)
    async with watched(tmp_path, Edge(502), times) as seen:
        await eventually(lambda: len(seen.renewed_s) >= 4)
        begun_s = seen.renewed_s[:4]
        gaps_s = [later - earlier for earlier, later in pairwise(begun_s)]
        for gap_s, least_s in zip(gaps_s, (0.4, 1.6, 2.0), strict=True):
            assert gap_s > 0.9 * least_s
        # when the desk can be reached again that is found, and counts anew
        seen.edge.status = 200
        seen.tunnel.woke("a test")
        await eventually(lambda: seen.tunnel.view()["reaches"] == "ours")
