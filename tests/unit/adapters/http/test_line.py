from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from jigdesk.adapters.http.line import Line
from jigdesk.domain.errors import RequestError
from tests.harness.waiting import PATIENCE_S


async def test_a_burst_is_worked_off_a_few_at_a_time() -> None:
    line = Line(3, 100, PATIENCE_S, retry_after_s=1)
    inside, most = 0, 0

    async def request() -> None:
        nonlocal inside, most
        async with line.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*(request() for _ in range(50)))
    assert (inside, most) == (0, 3)


async def test_the_line_has_an_end() -> None:
    line = Line(1, 1, PATIENCE_S, retry_after_s=7)
    async with AsyncExitStack() as holding:
        await holding.enter_async_context(line.turn())
        second = asyncio.create_task(_turn(line))
        await asyncio.sleep(0)
        with pytest.raises(RequestError) as caught:
            await _turn(line)
        assert (caught.value.status, caught.value.code) == (503, "busy")
        assert caught.value.retry_after_s == 7
        second.cancel()  # the client went away: its place is free again
        await asyncio.wait([second])
        third = asyncio.create_task(_turn(line))
        await asyncio.sleep(0)
        assert not third.done()
    await asyncio.wait_for(third, PATIENCE_S)
    await asyncio.wait_for(_turn(line), PATIENCE_S)


async def test_nobody_waits_for_ever() -> None:
    line = Line(1, 5, 0.05, retry_after_s=1)
    async with line.turn():
        with pytest.raises(RequestError) as caught:
            await asyncio.wait_for(_turn(line), PATIENCE_S)
    assert caught.value.status == 503
    await asyncio.wait_for(_turn(line), PATIENCE_S)


async def _turn(line: Line) -> None:
    async with line.turn():
        pass
