"""Pusher, against a loopback server that checks its signatures as Pusher does."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from jigdesk.adapters.publisher.pusher_channels import PusherPublisher
from jigdesk.domain.errors import PublishError, PublishForbidden, PublishRejected, SetupError
from jigdesk.domain.events import channel
from jigdesk.ports import Message
from tests.harness.waiting import PATIENCE_S

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
KEY, SECRET = "app-key", "app-secret"


class PusherServer:
    """Takes batches whose signature is right; `answers` are given first when there are any."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answers: list[web.Response] = []
        self.hold: asyncio.Event | None = None
        self.port = 0

    async def batch_events(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.hold is not None:
            await self.hold.wait()
        if self.answers:
            return self.answers.pop(0)
        if not is_signed(request):
            return web.Response(status=401, text="Invalid signature")
        if request.query["body_md5"] != hashlib.md5(body).hexdigest():  # noqa: S324 - Pusher's protocol
            return web.Response(status=401, text="Invalid body")
        batch = json.loads(body)["batch"]
        if len(batch) > 10 or any(len(event["data"].encode()) > 10_240 for event in batch):
            return web.Response(status=413, text="Too large")
        self.batches.append(batch)
        return web.json_response({})

    async def channels(self, request: web.Request) -> web.Response:
        if not is_signed(request):
            return web.Response(status=401, text="Invalid signature")
        return web.json_response({"channels": {}})


def is_signed(request: web.Request) -> bool:
    query = dict(request.query)
    signature = query.pop("auth_signature")
    text = "&".join(f"{name}={query[name]}" for name in sorted(query))
    signed = f"{request.method}\n{request.path}\n{text}".encode()
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    return query["auth_key"] == KEY and hmac.compare_digest(expected, signature)


@pytest.fixture
async def server() -> AsyncIterator[PusherServer]:
    running = PusherServer()
    app = web.Application()
    app.router.add_post("/apps/{app_id}/batch_events", running.batch_events)
    app.router.add_get("/apps/{app_id}/channels", running.channels)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    running.port = runner.addresses[0][1]
    yield running
    if running.hold is not None:
        running.hold.set()
    await runner.cleanup()


@pytest.fixture
async def publisher(server: PusherServer) -> AsyncIterator[PusherPublisher]:
    made = make(server)
    yield made
    await made.close()


def make(server: PusherServer, **other: Any) -> PusherPublisher:
    wanted: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "ssl": False,
        "timeout_s": 2.0,
    }
    return PusherPublisher("4711", KEY, SECRET, **(wanted | other))


def message(number: int, *, private: bool = False, **data: Any) -> Message:
    name = channel(JOB, private=private)
    return Message(name, "job:progress", {"job_id": JOB, "seq": number, **data})


async def test_batches_of_ten_in_order(server: PusherServer, publisher: PusherPublisher) -> None:
    await publisher.publish([message(number, private=number % 2 == 1) for number in range(25)])
    assert [len(batch) for batch in server.batches] == [10, 10, 5]
    events = [event for batch in server.batches for event in batch]
    assert [json.loads(event["data"])["seq"] for event in events] == list(range(25))
    assert events[0]["channel"] == f"job-{JOB}"
    assert events[1]["channel"] == f"private-job-{JOB}"
    assert events[0]["name"] == "job:progress"


async def test_nothing_sends_nothing(server: PusherServer, publisher: PusherPublisher) -> None:
    await publisher.publish([])
    assert server.batches == []


async def test_wide_characters_do_not_count_fourfold(
    server: PusherServer, publisher: PusherPublisher
) -> None:
    await publisher.publish([message(1, text="\U0001f600" + "x" * 9_000)])
    assert json.loads(server.batches[0][0]["data"])["text"].startswith("\U0001f600x")


async def test_several_jobs_go_out_side_by_side(
    server: PusherServer, publisher: PusherPublisher
) -> None:
    await asyncio.gather(*(publisher.publish([message(n)]) for n in range(12)))
    assert len(server.batches) == 12


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (web.Response(status=400, text="bad"), "refused the events"),
        (web.Response(status=403, text="over quota"), "refused the credentials"),
        (web.Response(status=500, text="oops app-secret"), "HTTP 500"),
        (web.Response(status=200, text="<html>"), "does not speak"),
        (web.json_response({"error": "too many", "code": 429}), "HTTP 429"),
    ],
    ids=["400", "403", "500", "html", "200"],
)
async def test_refusals_are_sentences_without_secrets(
    server: PusherServer, publisher: PusherPublisher, answer: web.Response, words: str
) -> None:
    server.answers = [answer]
    with pytest.raises(PublishError, match=words) as failed:
        await publisher.publish([message(1)])
    for hidden in (SECRET, KEY, "auth_signature", "over quota"):
        assert hidden not in failed.value.message
    await publisher.publish([message(1)])
    assert len(server.batches) == 1


async def test_wrong_credentials_name_the_settings(server: PusherServer) -> None:
    wrong = PusherPublisher("4711", KEY, "another", host="127.0.0.1", port=server.port, ssl=False)
    with pytest.raises(PublishForbidden, match=r"publisher\.secret"):
        await wrong.publish([message(1)])
    with pytest.raises(PublishForbidden, match=r"publisher\.secret"):
        await wrong.probe()
    await wrong.close()


async def test_a_probe_proves_the_credentials_and_sends_nothing(
    server: PusherServer, publisher: PusherPublisher
) -> None:
    await publisher.probe()
    assert server.batches == []
    nobody = make(server, port=1)
    with pytest.raises(PublishError, match="cannot be reached"):
        await nobody.probe()
    await nobody.close()


@pytest.mark.parametrize("status", [400, 413])
async def test_what_pusher_does_not_take_is_told_from_a_pusher_that_fails(
    server: PusherServer, publisher: PusherPublisher, status: int
) -> None:
    server.answers = [web.Response(status=status), web.Response(status=502)]
    with pytest.raises(PublishRejected):
        await publisher.publish([message(1)])
    with pytest.raises(PublishError) as failed:
        await publisher.publish([message(1)])
    assert not isinstance(failed.value, PublishRejected)


async def test_a_server_that_hangs_or_is_not_there(server: PusherServer) -> None:
    server.hold = asyncio.Event()
    hanging = make(server, timeout_s=0.2)
    with pytest.raises(PublishError, match="in time"):
        await hanging.publish([message(1)])
    server.hold.set()
    await hanging.close()
    nobody = make(server, port=1)
    with pytest.raises(PublishError, match="cannot be reached"):
        await nobody.publish([message(1)])
    await nobody.close()
    await nobody.close()


async def test_a_cancelled_publish_frees_its_thread(server: PusherServer) -> None:
    server.hold = asyncio.Event()
    publisher = make(server, threads=1)
    publishing = asyncio.create_task(publisher.publish([message(1)]))
    async with asyncio.timeout(PATIENCE_S):
        while not any(t.name.startswith("pusher") for t in threading.enumerate()):  # noqa: ASYNC110 - a thread sends no signal
            await asyncio.sleep(0.005)
    publishing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await publishing
    server.hold.set()
    await publisher.publish([message(2)])
    assert json.loads(server.batches[-1][0]["data"])["seq"] == 2
    await publisher.close()


@pytest.mark.parametrize(
    "bad",
    [
        Message("presence-x", "job:progress", {}),
        Message(f"job-{JOB}\n", "job:progress", {}),
        Message(f"private-encrypted-job-{JOB}", "job:progress", {}),
        Message(f"job-{JOB}", "x" * 201, {}),
        Message(f"job-{JOB}", "", {}),
        Message(f"job-{JOB}", "job:progress", {"text": "x" * 11_000}),
    ],
)
async def test_what_no_browser_may_get_is_rejected(
    server: PusherServer, publisher: PusherPublisher, bad: Message
) -> None:
    with pytest.raises(PublishRejected, match=r"\w"):
        await publisher.publish([message(1), bad])
    assert server.batches == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"app_id": "my-app"}, "publisher.app_id"),
        ({"app_id": ""}, "publisher.app_id"),
        ({"key": ""}, "publisher.key"),
        ({"secret": "a b"}, "publisher.secret"),
        ({"cluster": "eu/../x"}, "publisher.cluster"),
        ({"host": "http://127.0.0.1"}, "publisher.host"),
        ({"host": "127.0.0.1:6001"}, "publisher.host"),
        ({"port": 0}, "publisher.port"),
        ({"port": 70_000}, "publisher.port"),
    ],
)
def test_wrong_settings_are_named(change: dict[str, Any], field: str) -> None:
    good: dict[str, Any] = {"app_id": "4711", "key": KEY, "secret": SECRET}
    with pytest.raises(SetupError) as refused:
        PusherPublisher(**(good | change))
    assert refused.value.field == field
    assert SECRET not in refused.value.message


async def test_without_a_host_the_cluster_says_where() -> None:
    publisher = PusherPublisher("4711", KEY, SECRET, cluster="eu")
    assert publisher.where == "api-eu.pusher.com:443"
    await publisher.close()
