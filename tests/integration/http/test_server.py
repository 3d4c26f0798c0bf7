"""Starting and stopping listeners: ports, and how long a stop may take."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable

import aiohttp
import pytest
from aiohttp import web

from jigdesk.adapters.http.server import Endpoint, Listener, port_owner
from jigdesk.domain.errors import SetupError
from tests.harness.waiting import PATIENCE_S


def app_with(handler: object) -> web.Application:
    app = web.Application()
    app.router.add_get("/", handler)  # type: ignore[arg-type]
    return app


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


async def test_port_zero_takes_a_free_one_and_says_which(
    web_client: aiohttp.ClientSession,
) -> None:
    listener = Listener(app_with(hello), Endpoint("127.0.0.1", 0, "server.local"))
    with pytest.raises(RuntimeError):
        _ = listener.port
    await listener.start()
    try:
        assert listener.port > 0
        async with web_client.get(listener.url) as answer:
            assert await answer.text() == "hello"
    finally:
        await listener.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", listener.port)


async def test_a_taken_port_is_named_with_its_setting_and_its_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        listener = Listener(app_with(hello), Endpoint("127.0.0.1", port, "server.public"))
        with pytest.raises(SetupError) as refused:
            await listener.start()
    assert refused.value.field == "server.public_port"
    assert f"127.0.0.1:{port}" in refused.value.message
    assert f"process {os.getpid()}" in refused.value.message


def test_a_free_port_has_no_owner() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert port_owner(port) is None


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300])
async def test_an_address_that_is_not_ours_names_the_setting(host: str) -> None:
    listener = Listener(app_with(hello), Endpoint(host, 0, "server.local"))
    with pytest.raises(SetupError, match=r"server\.local_host"):
        await listener.start()


async def test_the_port_is_free_again_at_once_after_a_stop(
    web_client: aiohttp.ClientSession, free_port: Callable[[], int]
) -> None:
    first = Listener(app_with(hello), Endpoint("127.0.0.1", free_port(), "server.local"))
    await first.start()
    async with web_client.get(first.url) as answer:
        assert answer.status == 200
    await first.stop()
    second = Listener(app_with(hello), Endpoint("127.0.0.1", first.port, "server.local"))
    await second.start()
    await second.stop()


async def test_a_stop_lets_an_answer_finish(web_client: aiohttp.ClientSession) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        begun.set()
        await go.wait()
        return web.Response(text="done")

    listener = Listener(app_with(slow), Endpoint("127.0.0.1", 0, "server.local"))
    await listener.start()
    asking = asyncio.create_task(web_client.get(listener.url))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    stopping = asyncio.create_task(listener.stop())
    go.set()
    answer = await asking
    assert await answer.text() == "done"
    answer.release()
    await asyncio.wait_for(stopping, PATIENCE_S)


async def test_a_stop_waits_for_nobody_for_ever(web_client: aiohttp.ClientSession) -> None:
    begun = asyncio.Event()

    async def stuck(_: web.Request) -> web.Response:
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = app_with(stuck)
    listener = Listener(app, Endpoint("127.0.0.1", 0, "server.local"), stop_within_s=0.3)
    await listener.start()
    asking = asyncio.create_task(web_client.get(listener.url))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    _, idle = await asyncio.open_connection("127.0.0.1", listener.port)
    await asyncio.wait_for(listener.stop(), PATIENCE_S)
    with pytest.raises(aiohttp.ClientError):
        await asking
    idle.close()


async def test_a_reader_that_goes_away_ends_its_handler(
    web_client: aiohttp.ClientSession,
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def waits(_: web.Request) -> web.Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    listener = Listener(
        app_with(waits), Endpoint("127.0.0.1", 0, "server.local"), cancel_on_disconnect=True
    )
    await listener.start()
    asking = asyncio.create_task(web_client.get(listener.url))
    await asyncio.wait_for(begun.wait(), PATIENCE_S)
    asking.cancel()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
    await listener.stop()


async def test_a_stop_without_a_start_closes_what_the_application_holds() -> None:
    closed = []

    async def close(_: web.Application) -> None:
        closed.append(True)

    app = app_with(hello)
    app.on_cleanup.append(close)
    listener = Listener(app, Endpoint("127.0.0.1", 0, "server.local"))
    await listener.stop()
    assert closed == [True]
