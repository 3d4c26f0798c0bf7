"""The public listener, as the Lambdas and strangers meet it."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jigdesk.adapters.http.public import PublicLimits, health_proof
from jigdesk.domain.errors import RequestError, SetupError
from jigdesk.domain.signature import sign
from jigdesk.domain.webhooks import MAX_BODY_BYTES, JobCommand, JobCreated, JobOutput
from tests.fakes.http_desk import (
    JOB_ID,
    OLD_SECRET,
    RUN_KEY,
    SECRET,
    HttpDesk,
    Wishes,
    http_desk,
)
from tests.harness.waiting import PATIENCE_S
from tests.integration.http.raw import raw

WHEN = "2026-03-01T12:00:00Z"
CREATED = JobCreated(JOB_ID, "jig-react", (f"inputs/{JOB_ID}/request.json",), WHEN)
OUTPUT = JobOutput(JOB_ID, "jig-react", (f"outputs/{JOB_ID}/blur/a.png",), WHEN)
CANCEL = JobCommand(JOB_ID, "cancel", WHEN)


def encoded(webhook: JobCreated | JobOutput | JobCommand) -> bytes:
    return json.dumps(webhook.to_dict()).encode()


def signed(body: bytes, webhook_id: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    return sign(secret, webhook_id, int(time.time()), body)


class Sender:
    """Posts webhooks; each answer is (status, JSON, headers)."""

    def __init__(self, client: aiohttp.ClientSession, desk: HttpDesk) -> None:
        self._client = client
        self._url = desk.public.url

    async def __call__(
        self, route: str, body: bytes, headers: dict[str, str] | None = None, **sign_with: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        given = signed(body, **sign_with) if headers is None else headers
        async with self._client.post(
            f"{self._url}/webhooks/{route}", data=body, headers=given
        ) as answer:
            return answer.status, await answer.json(), {**answer.headers}


@pytest.fixture
def send(web_client: aiohttp.ClientSession, desk: HttpDesk) -> Sender:
    return Sender(web_client, desk)


async def test_each_kind_is_taken_and_said_again(send: Sender, desk: HttpDesk) -> None:
    for number, (route, webhook) in enumerate(
        [("job-created", CREATED), ("job-output", OUTPUT), ("job-command", CANCEL)]
    ):
        status, answer, headers = await send(route, encoded(webhook), webhook_id=f"msg_{number}")
        assert status == 202
        assert answer == {"job_id": JOB_ID, "status": "accepted", "duplicate": False}
        assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert [webhook for _, webhook in desk.intake.taken] == [CREATED, OUTPUT, CANCEL]


async def test_the_same_id_and_the_same_job_are_duplicates(send: Sender) -> None:
    body = encoded(CREATED)
    assert (await send("job-created", body))[0] == 202
    for webhook_id in ("msg_1", "msg_2"):
        status, answer, _ = await send("job-created", body, webhook_id=webhook_id)
        assert (status, answer["duplicate"]) == (200, True)


async def test_the_previous_secret_counts_until_it_goes(send: Sender, desk: HttpDesk) -> None:
    body = encoded(CREATED)
    assert (await send("job-created", body, secret=OLD_SECRET))[0] == 202
    desk.secrets.remove(OLD_SECRET)
    assert (await send("job-created", body, secret=OLD_SECRET))[0] == 401


def mangled(headers: dict[str, str], **changes: str | None) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name: value for name, value in headers.items() if name not in named}
    return kept | {name: value for name, value in named.items() if value is not None}


BAD_HEADERS = {
    "no header at all": lambda good: {},
    "no id": lambda good: mangled(good, webhook_id=None),
    "no time": lambda good: mangled(good, webhook_timestamp=None),
    "no signature": lambda good: mangled(good, webhook_signature=None),
    "no comma": lambda good: mangled(good, webhook_signature="v1"),
    "not base64": lambda good: mangled(good, webhook_signature="v1,%%%"),
    "three parts": lambda good: mangled(good, webhook_signature="v1,a,b"),
    "another version": lambda good: mangled(
        good, webhook_signature=good["webhook-signature"].replace("v1", "v1a")
    ),
    "zeroes": lambda good: mangled(good, webhook_signature="v1," + "A" * 43 + "="),
    "not ascii": lambda good: mangled(good, webhook_signature="v1,ÿþ"),
    "a time that is none": lambda good: mangled(good, webhook_timestamp="soon"),
    "the time of another": lambda good: mangled(
        good, webhook_timestamp=str(int(good["webhook-timestamp"]) + 1)
    ),
    "long ago": lambda good: sign(SECRET, "msg_1", int(time.time()) - 400, encoded(CREATED)),
    "in the future": lambda good: sign(SECRET, "msg_1", int(time.time()) + 400, encoded(CREATED)),
    "of another body": lambda good: signed(encoded(OUTPUT)),
    "of another secret": lambda good: signed(encoded(CREATED), secret="whsec_" + "QUFB" * 10),
}


@pytest.mark.parametrize("spoil", BAD_HEADERS.values(), ids=BAD_HEADERS.keys())
async def test_every_wrong_signature_is_a_401(send: Sender, desk: HttpDesk, spoil: Any) -> None:
    body = encoded(CREATED)
    status, answer, _ = await send("job-created", body, spoil(signed(body)))
    assert (status, answer["error"]["code"]) == (401, "bad_signature")
    assert desk.intake.taken == []
    assert desk.log.page(1)[0][0].verdict == "refused"


BAD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "not utf-8": b"\xff\xfe{}",
    "not json": b"hello",
    "a list": b"[]",
    "a number": b"7",
    "nan": b'{"version": NaN}',
    "a name twice": b'{"version":1,"version":1}',
    "deep": b"[" * 50_000,
    "no version": b'{"type":"JobCreated"}',
    "another version": encoded(CREATED).replace(b'"version": 1', b'"version": 2'),
    "another type": encoded(OUTPUT),
    "an id that climbs": encoded(CREATED).replace(JOB_ID.encode(), b"../../etc/passwd"),
    "an upper case id": encoded(CREATED).replace(JOB_ID.encode(), JOB_ID.upper().encode()),
    "keys that are no list": encoded(CREATED).replace(b'["', b'"').replace(b'"]', b'"'),
    "half a surrogate": encoded(CREATED).replace(b"jig-react", b"\\ud800"),
}


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_well_signed_nonsense_is_a_422(send: Sender, desk: HttpDesk, body: bytes) -> None:
    status, answer, _ = await send("job-created", body)
    assert (status, answer["error"]["code"]) == (422, "invalid_webhook")
    assert len(answer["error"]["message"]) > 5
    assert desk.intake.taken == []


@pytest.mark.parametrize("body", [b"\xff\xfe{}", b"hello", b"[" * 50_000])
async def test_nonsense_with_a_wrong_signature_is_a_401(send: Sender, body: bytes) -> None:
    assert (await send("job-created", body, signed(b"something else")))[0] == 401


async def test_a_webhook_id_that_cannot_be_kept_is_a_422(send: Sender) -> None:
    status, answer, _ = await send("job-created", encoded(CREATED), webhook_id="x" * 200)
    assert (status, answer["error"]["field"]) == (422, "webhook-id")


async def test_unknown_jobs_are_404(send: Sender) -> None:
    for route, webhook in (("job-output", OUTPUT), ("job-command", CANCEL)):
        assert (await send(route, encoded(webhook)))[0] == 404


async def test_a_full_queue_says_when_to_come_again(send: Sender, desk: HttpDesk) -> None:
    desk.intake.failure = RequestError(503, "queue_full", "The queue is full.", retry_after_s=42)
    status, answer, headers = await send("job-created", encoded(CREATED))
    assert (status, headers["Retry-After"]) == (503, "42")
    assert answer == {"error": {"code": "queue_full", "message": "The queue is full."}}
    desk.intake.failure = None
    assert (await send("job-created", encoded(CREATED)))[0] == 202


async def test_a_desk_whose_journal_is_damaged_sends_jobs_to_others(
    send: Sender, desk: HttpDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.intake.failure = SetupError("The journal is damaged (malformed).")
    status, answer, headers = await send("job-created", encoded(CREATED))
    assert (status, answer["error"]["code"]) == (503, "unavailable")
    assert headers["Retry-After"]
    assert "damaged" not in json.dumps(answer)
    assert "The journal is damaged" in caplog.text


async def test_a_bug_is_logged_whole_and_answered_in_a_word(
    send: Sender, desk: HttpDesk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.intake.failure = ZeroDivisionError("a secret detail")
    with caplog.at_level(logging.ERROR):
        status, answer, _ = await send("job-created", encoded(CREATED))
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "secret detail" not in json.dumps(answer)
    assert "Traceback" in caplog.text
    assert "a secret detail" in caplog.text
    assert desk.log.page(1)[0][0].verdict == "failed"


# --- size and time


async def test_the_largest_body_passes_and_one_more_byte_does_not(send: Sender) -> None:
    body = encoded(CREATED)
    padded = body + b" " * (MAX_BODY_BYTES - len(body))
    assert (await send("job-created", padded))[0] == 202
    status, answer, _ = await send("job-created", padded + b" ")
    assert (status, answer["error"]["code"]) == (413, "too_large")


async def test_a_chunked_body_is_counted_too(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MAX_BODY_BYTES // 1024 + 1):
            yield b" " * 1024

    url = f"{desk.public.url}/webhooks/job-created"
    async with web_client.post(url, data=chunks(), headers=signed(b"")) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["code"] == "too_large"


async def test_an_announced_flood_is_refused_before_it_comes(desk: HttpDesk) -> None:
    head = b"POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"
    answer = await raw(desk, head)
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_compressed_body_is_not_unpacked(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    body = gzip.compress(b"0" * 10_000_000)
    headers = signed(body) | {"Content-Encoding": "gzip"}
    url = f"{desk.public.url}/webhooks/job-created"
    async with web_client.post(url, data=body, headers=headers) as answer:
        assert answer.status == 415


async def test_a_slow_sender_is_cut_off(tmp_path: Path) -> None:
    wishes = Wishes(limits=PublicLimits(body_timeout_s=0.2))
    async with http_desk(tmp_path, wishes) as desk:
        head = b"POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
        answer = await raw(desk, head + b'{"vers')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"too_slow"' in answer
        assert desk.log.page(1)[0][0].status == 408


async def test_a_sender_that_breaks_off_leaves_a_line_in_the_log(desk: HttpDesk) -> None:
    logged = asyncio.Event()
    desk.log.subscribe(lambda _: logged.set())
    _, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
    writer.write(b"POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n12")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    await asyncio.wait_for(logged.wait(), PATIENCE_S)
    assert desk.intake.taken == []


async def test_too_many_at_once_are_asked_to_come_again(
    tmp_path: Path, web_client: aiohttp.ClientSession
) -> None:
    wishes = Wishes(limits=PublicLimits(concurrent=1, waiting=0, body_timeout_s=PATIENCE_S))
    async with http_desk(tmp_path, wishes) as desk:
        body = encoded(CREATED)
        reader, writer = await asyncio.open_connection("127.0.0.1", desk.public.port)
        lines = [f"{name}: {value}" for name, value in signed(body).items()]
        head = "POST /webhooks/job-created HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n"
        writer.write((head + "\r\n".join(lines) + "\r\n\r\n").encode())
        # "100 Continue" says that the first one is under way
        assert b"100" in await asyncio.wait_for(reader.readline(), PATIENCE_S)
        status, _, headers = await Sender(web_client, desk)("job-created", body)
        assert (status, headers["Retry-After"]) == (503, "1")
        writer.write(body)
        assert b"202" in await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
        await writer.wait_closed()
        assert (await Sender(web_client, desk)("job-created", body))[0] == 200


# --- what is kept of what was not taken


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/webhooks/job-created"),
        ("PUT", "/webhooks/job-created"),
        ("DELETE", "/healthz"),
        ("POST", "/readyz"),
        ("GET", "/control/jobs"),
        ("GET", "/api/workflows"),
        ("GET", "/metrics"),
        ("GET", "/dock"),
        ("GET", "/openapi.json"),
        ("POST", "/webhooks/job-created/"),
        ("GET", "/healthz/%2e%2e/x"),
        ("OPTIONS", "/webhooks/job-created"),
    ],
)
async def test_anything_else_is_a_404(
    web_client: aiohttp.ClientSession, desk: HttpDesk, method: str, path: str
) -> None:
    async with web_client.request(method, desk.public.url + path) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"
        assert answer.headers["Server"] == "jigdesk"
        assert "Set-Cookie" not in answer.headers


async def test_health_and_its_proof(web_client: aiohttp.ClientSession, desk: HttpDesk) -> None:
    url = f"{desk.public.url}/healthz"
    async with web_client.get(url) as answer:
        assert await answer.json() == {"status": "ok"}
    nonce = "0123456789abcdef"
    async with web_client.get(url, params={"nonce": nonce}) as answer:
        assert (await answer.json())["proof"] == health_proof(RUN_KEY, nonce)


@pytest.mark.parametrize(
    "query", ["nonce=", "nonce=short", "nonce=" + "x" * 65, "nonce=0123456789abcdef%20"]
)
async def test_a_bad_nonce_is_a_400(
    web_client: aiohttp.ClientSession, desk: HttpDesk, query: str
) -> None:
    async with web_client.get(f"{desk.public.url}/healthz?{query}") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["field"] == "nonce"


async def test_readiness_gives_its_reasons(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    url = f"{desk.public.url}/readyz"
    async with web_client.get(url) as answer:
        assert (answer.status, await answer.json()) == (200, {"status": "ready"})
    desk.intake.reasons = ["The disk is nearly full.", "The queue drains."]
    async with web_client.get(url) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        assert (await answer.json())["reasons"] == desk.intake.reasons
    entry = desk.log.page(1)[0][0]
    assert (entry.status, entry.verdict) == (503, "unavailable")
    assert entry.reason == "The disk is nearly full. The queue drains."


async def test_the_sender_is_whom_the_tunnel_names_last(
    web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    for given, source in (
        (None, "127.0.0.1"),
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("<script>", "127.0.0.1"),
    ):
        headers = {} if given is None else {"X-Forwarded-For": given}
        async with web_client.get(f"{desk.public.url}/healthz", headers=headers):
            pass
        assert desk.log.page(1)[0][0].source == source


async def test_the_log_keeps_what_came_and_what_was_answered(send: Sender, desk: HttpDesk) -> None:
    body = encoded(CREATED)
    await send("job-created", body)
    await send("job-created", body)
    await send("job-created", b"junk", signed(body))
    refused, duplicate, accepted = desk.log.page(10)[0]
    assert (accepted.verdict, duplicate.verdict, refused.verdict) == (
        "accepted",
        "duplicate",
        "refused",
    )
    assert (accepted.body, accepted.status, accepted.reason) == (body, 202, "")
    assert "does not fit" in refused.reason
    assert json.loads(accepted.answer)["job_id"] == JOB_ID
    kept = {name.lower(): value for name, value in accepted.headers}
    assert kept["webhook-id"] == "msg_1"
    assert len(kept["webhook-signature"]) < 16
