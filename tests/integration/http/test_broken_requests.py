"""What the log keeps of requests that came in part, or were no HTTP at all."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import aiohttp
import pytest

from jigdesk.adapters.http.public import PublicLimits
from jigdesk.adapters.http.replay import Replayer
from jigdesk.adapters.http.request_log import LoggedRequest
from jigdesk.domain.errors import RequestError
from jigdesk.domain.webhooks import MAX_BODY_BYTES
from tests.fakes.http_desk import HttpDesk, Wishes, http_desk
from tests.harness.waiting import PATIENCE_S, eventually
from tests.integration.http.raw import raw


async def logged(desk: HttpDesk, status: int) -> LoggedRequest:
    """The newest request, once one was answered with `status`."""

    def newest() -> LoggedRequest | None:
        return next((one for one in desk.log.page(9)[0] if one.status == status), None)

    await eventually(lambda: newest() is not None)
    found = newest()
    assert found is not None
    return found


HEAD = b"POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CUT_BODIES: dict[str, tuple[int, bytes, int, bytes]] = {
    "announced too large": (413, HEAD + b"Content-Length: 300000\r\n\r\n", 300_000, b""),
    "announced absurdly": (413, HEAD + b"Content-Length: 9999999999999999\r\n\r\n", 2**53 - 1, b""),
    "compressed": (
        415,
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\n12345",
        5,
        b"",
    ),
    "slow": (408, HEAD + b'Content-Length: 100\r\n\r\n{"vers', 100, b'{"vers'),
}


@pytest.mark.parametrize(
    ("status", "request_", "size_bytes", "body"), CUT_BODIES.values(), ids=CUT_BODIES.keys()
)
async def test_a_body_that_was_not_read_whole_is_kept_as_cut_and_not_replayed(
    tmp_path: Path, status: int, request_: bytes, size_bytes: int, body: bytes
) -> None:
    wishes = Wishes(limits=PublicLimits(body_timeout_s=0.5))
    async with http_desk(tmp_path, wishes) as desk:
        await raw(desk, request_)
        entry = await logged(desk, status)
        assert (entry.body_cut, entry.size_bytes, entry.body) == (True, size_bytes, body)
        assert entry.reason
        with pytest.raises(RequestError, match="not kept whole") as refused:
            await Replayer(desk.log, lambda: desk.secrets, lambda: desk.public.url).replay(entry.id)
        assert refused.value.status == 409


async def test_a_chunked_flood_is_kept_with_what_came(desk: HttpDesk) -> None:
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    await raw(desk, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 17)
    entry = await logged(desk, 413)
    assert entry.body_cut
    assert entry.size_bytes > MAX_BODY_BYTES
    assert len(entry.body) == 16 * 1024


async def test_a_sender_that_breaks_off_is_kept_with_what_came(
    web_client: aiohttp.ClientSession, desk: HttpDesk, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
    writer.write(HEAD + b"Content-Length: 9\r\n\r\n12")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await eventually(lambda: len(desk.log) > 0)
    entry = desk.log.page(1)[0][0]
    assert (entry.body_cut, entry.size_bytes, entry.body) in ((True, 9, b"12"), (True, 9, b""))
    async with web_client.get(f"{desk.public.url}/healthz") as answer:
        assert answer.status == 200
    assert len(desk.log) == 2
    assert (entry.status, caplog.text) == (499, "")  # nobody's fault, and so no error of ours


async def test_a_body_that_nobody_asked_for_is_kept_as_unread(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.post(f"{desk.public.url}/nothing", data=b"12345") as answer:
        assert answer.status == 404
    entry = await logged(desk, 404)
    assert (entry.body_cut, entry.size_bytes, entry.body) == (True, 5, b"")
    async with web_client.get(f"{desk.public.url}/nothing") as answer:
        assert answer.status == 404
    entry = desk.log.page(1)[0][0]
    assert (entry.body_cut, entry.size_bytes, entry.reason) == (False, 0, "There is nothing here.")


# --- what else is there, and what is not


async def test_what_is_not_http_is_answered_without_naming_the_server_software(
    desk: HttpDesk, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = await raw(desk, b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n")
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer
    assert b'{"error":{"code":"bad_request"' in answer
    assert b"aiohttp" not in answer
    assert caplog.text == ""


NOT_HTTP: dict[str, tuple[bytes, str, str, str]] = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "-", "-", "not HTTP"),
    "nonsense": (b"BAD \x00 nonsense\r\n\r\n", "-", "-", "not HTTP"),
    "an unknown version": (b"GET /healthz HTTP/9.9\r\n\r\n", "GET", "/healthz", "not HTTP"),
    "a bad header": (
        b"POST /webhooks/job-created HTTP/1.1\r\nHost : x\r\n\r\n",
        "POST",
        "/webhooks/job-created",
        "not HTTP",
    ),
    "a long header": (
        b"GET /healthz?a=b HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        "GET",
        "/healthz?a=b",
        "head is too long",
    ),
    "a long path": (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", "GET", "/aaa", "too long"),
}


@pytest.mark.parametrize(
    ("sent", "method", "path", "reason"), NOT_HTTP.values(), ids=NOT_HTTP.keys()
)
async def test_what_is_not_http_is_in_the_log_too(
    desk: HttpDesk, sent: bytes, method: str, path: str, reason: str
) -> None:
    assert b" 400 " in await raw(desk, sent)
    assert len(desk.log) == 1
    entry = desk.log.page(1)[0][0]
    assert (entry.status, entry.verdict, entry.source) == (400, "refused", "127.0.0.1")
    assert entry.method == method
    assert entry.path.startswith(path)
    assert len(entry.path) <= 512
    assert reason in entry.reason
    assert json.loads(entry.answer)["error"]["code"] == "bad_request"


async def test_what_is_not_http_is_not_taken_for_the_request_before_it(desk: HttpDesk) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 " in await asyncio.wait_for(reader.readline(), PATIENCE_S)
    writer.write(b"\x16\x03\x01\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.read(), PATIENCE_S)
    writer.close()
    await writer.wait_closed()
    bad, good = desk.log.page(9)[0]
    assert (good.path, bad.method, bad.path) == ("/healthz", "-", "-")


async def test_the_body_before_is_no_part_of_what_is_not_http(desk: HttpDesk) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
    head = b"POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nContent-Length: 14\r\n\r\n"
    for piece in (head, b"GET /of-a-body"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.1)  # so that they come in two pieces
    await logged(desk, 401)
    writer.write(b"PUT /spoilt HTTP/1.1\r\nbad head\r\n\r\n")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    entry = await logged(desk, 400)
    assert (entry.method, entry.path) == ("PUT", "/spoilt")
