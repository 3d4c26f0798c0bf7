"""Section 3: the webhooks, from the first byte of a signature to the answer's last."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.harness.browser import BLUR, Browser, refine
from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
from tests.harness.shapes import is_error
from tests.harness.waiting import eventually
from tests.harness.webhooks import created, send

FILES = {"photo.png": photo()}
EVENT_TIME = "2026-03-01T12:00:00.000Z"


def sign(secret: str, webhook_id: str, timestamp: str, body: bytes) -> str:
    """As the specification says it, by hand."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def signed_headers(
    secret: str, body: bytes, *, webhook_id: str | None = None, at_s: float | None = None
) -> dict[str, str]:
    name = webhook_id or f"msg_{uuid.uuid4()}"
    stamp = str(int(time.time() if at_s is None else at_s))
    return {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(secret, name, stamp, body),
        "content-type": "application/json",
    }


async def post(
    desk: Serving, http: aiohttp.ClientSession, route: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, Any], Mapping[str, str]]:
    url = f"{desk.public_url}/webhooks/{route}"
    async with http.post(url, data=body, headers=headers) as answer:
        return answer.status, await answer.json(), dict(answer.headers)


async def stored(browser: Browser, request: Mapping[str, Any] = BLUR) -> str:
    """A job whose files are up but which nobody has told the desk of (the index record alone)."""
    made = await browser.create(request, FILES)
    return str(made["job_id"])


def command(job_id: str, word: str) -> dict[str, Any]:
    return {
        "version": 1,
        "type": "JobCommand",
        "job_id": job_id,
        "command": word,
        "event_time": EVENT_TIME,
    }


def output(job_id: str, *new_files: str) -> dict[str, Any]:
    return {
        "version": 1,
        "type": "JobOutput",
        "job_id": job_id,
        "bucket": "jig-react",
        "new_files": list(new_files),
        "event_time": EVENT_TIME,
    }


async def test_once_accepted_always_a_duplicate(desk: Serving, http: aiohttp.ClientSession) -> None:
    job_id = str(uuid.uuid4())
    body = json.dumps(created(job_id, f"inputs/{job_id}/request.json")).encode()
    headers = signed_headers(desk.secret, body)
    status, answer, _ = await post(desk, http, "job-created", body, headers)
    assert status == 202
    assert answer == {"job_id": job_id, "status": answer["status"], "duplicate": False}
    assert answer["status"] == "accepted"
    status, answer, _ = await post(desk, http, "job-created", body, headers)
    assert status == 200
    assert (answer["job_id"], answer["duplicate"]) == (job_id, True)
    # another id for the same job
    other = signed_headers(desk.secret, body)
    status, answer, _ = await post(desk, http, "job-created", body, other)
    assert (status, answer["duplicate"]) == (200, True)

    path = desk.bucket / f"jobs/{job_id}/status.json"
    await eventually(lambda: json.loads(path.read_text())["status"] == "failed")
    status, answer, _ = await post(desk, http, "job-created", body, headers)
    assert (status, answer) == (200, {"job_id": job_id, "status": "failed", "duplicate": True})


async def test_signatures(desk: Serving, http: aiohttp.ClientSession) -> None:
    body = json.dumps(created(str(uuid.uuid4()))).encode()
    good = signed_headers(desk.secret, body)
    now = time.time()
    wrong_key = "whsec_" + base64.b64encode(b"k" * 32).decode()
    bad: dict[str, Mapping[str, str]] = {
        "of another secret": signed_headers(wrong_key, body),
        "of another body": {**signed_headers(desk.secret, body + b" ")},
        "stale": signed_headers(desk.secret, body, at_s=now - 302),
        "future": signed_headers(desk.secret, body, at_s=now + 400),
        "other id": {**good, "webhook-id": "msg_other"},
        "other time": {**good, "webhook-timestamp": str(int(now) - 1)},
        "no comma": {**good, "webhook-signature": "v1"},
        "no version": {**good, "webhook-signature": good["webhook-signature"][3:]},
        "version 2": {**good, "webhook-signature": "v2" + good["webhook-signature"][2:]},
        "no base64": {**good, "webhook-signature": "v1,%%%"},
        "cut": {**good, "webhook-signature": good["webhook-signature"][:-4]},
        "empty": {**good, "webhook-signature": ""},
        "not ASCII": {**good, "webhook-signature": "v1,ééé"},
        "no number": {**good, "webhook-timestamp": "soon"},
        "a fraction": {**good, "webhook-timestamp": "1.5"},
        "huge": {**good, "webhook-timestamp": "9" * 40},
        "negative": {**good, "webhook-timestamp": "-1"},
    }
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        bad[f"no {name}"] = {key: value for key, value in good.items() if key != name}
    for route in ("job-created", "job-output", "job-command"):
        for name, headers in bad.items():
            status, answer, _ = await post(desk, http, route, body, headers)
            assert status == 401, (route, name, answer)
            is_error(answer)
    for noise in (b"\xff\xfe", b"not json", b"", b"[]"):
        status, answer, _ = await post(desk, http, "job-created", noise, good)
        assert status == 401, "the signature is looked at before the body"
        is_error(answer)
    several = f"v1,AAAA {good['webhook-signature']} v1a,zzz"
    headers = {**good, "webhook-signature": several}
    assert (await post(desk, http, "job-created", body, headers))[0] == 202
    edge = str(uuid.uuid4())
    body = json.dumps(created(edge)).encode()
    for at_s in (time.time() - 290, time.time() + 290):
        headers = signed_headers(desk.secret, body, at_s=at_s)
        assert (await post(desk, http, "job-created", body, headers))[0] in (200, 202)


async def test_well_signed_nonsense(desk: Serving, http: aiohttp.ClientSession) -> None:
    job_id = str(uuid.uuid4())
    good = created(job_id)
    bad: list[tuple[str, bytes]] = [
        ("job-created", b"\xff\xfe{}"),
        ("job-created", b""),
        ("job-created", b"{"),
        ("job-created", b"[]"),
        ("job-created", b"null"),
        ("job-created", b'{"version":1,"version":1}'),
        ("job-created", b"[" * 100_000),
        ("job-created", json.dumps({**good, "version": 2}).encode()),
        ("job-created", json.dumps({**good, "version": "1"}).encode()),
        ("job-created", json.dumps({**good, "type": "JobOutput"}).encode()),
        ("job-created", json.dumps({**good, "job_id": job_id.upper()}).encode()),
        ("job-created", json.dumps({**good, "job_id": "../../x"}).encode()),
        ("job-created", json.dumps({**good, "job_id": f"{{{job_id}}}"}).encode()),
        ("job-created", json.dumps({**good, "job_id": job_id.replace("-", "")}).encode()),
        ("job-created", json.dumps({**good, "job_id": 7}).encode()),
        ("job-created", json.dumps({**good, "keys": "x"}).encode()),
        ("job-created", json.dumps({**good, "keys": [1]}).encode()),
        ("job-created", json.dumps({**good, "bucket": "another"}).encode()),
        ("job-created", json.dumps({**good, "bucket": 1}).encode()),
        ("job-command", json.dumps(command(job_id, "explode")).encode()),
        ("job-command", json.dumps(command("x", "cancel")).encode()),
        ("job-output", json.dumps({**output(job_id), "new_files": {}}).encode()),
        ("job-output", json.dumps(created(job_id)).encode()),
    ]
    for route, body in bad:
        headers = signed_headers(desk.secret, body)
        status, answer, _ = await post(desk, http, route, body, headers)
        assert status == 422, (route, body[:80], answer)
        is_error(answer)
    assert not list((desk.bucket / "jobs").glob(f"{job_id}*")), "nothing came of it"


async def test_unknown_fields_are_ignored(desk: Serving, http: aiohttp.ClientSession) -> None:
    document = {**created(str(uuid.uuid4())), "colour": "blue", "nested": {"a": [1]}}
    status, answer = await send(http, desk.public_url, desk.secret, "job-created", document)
    assert (status, answer["duplicate"]) == (202, False)


async def test_unknown_jobs(desk: Serving, http: aiohttp.ClientSession) -> None:
    nobody = str(uuid.uuid4())
    for route, document in (
        ("job-output", output(nobody, f"outputs/{nobody}/output.json")),
        ("job-command", command(nobody, "cancel")),
        ("job-command", command(nobody, "retry")),
    ):
        status, answer = await send(http, desk.public_url, desk.secret, route, document)
        assert status == 404
        is_error(answer)


async def test_256_kib(desk: Serving, http: aiohttp.ClientSession) -> None:
    document = json.dumps(created(str(uuid.uuid4()))).encode()
    room = 256 * 1024 - len(document)
    whole = document + b" " * room
    status, answer, _ = await post(
        desk, http, "job-created", whole, signed_headers(desk.secret, whole)
    )
    assert status == 202, answer
    over = whole + b" "
    status, answer, _ = await post(
        desk, http, "job-created", over, signed_headers(desk.secret, over)
    )
    assert status == 413
    is_error(answer)


async def test_commands(slow_desk: Serving, patient: Browser, http: aiohttp.ClientSession) -> None:
    desk, browser = slow_desk, patient
    job_id = await browser.submit(refine(100), FILES)
    await browser.until(job_id, "running")
    cancel = command(job_id, "cancel")
    name = f"msg_{uuid.uuid4()}"
    status, answer = await send(
        http, desk.public_url, desk.secret, "job-command", cancel, webhook_id=name
    )
    assert (status, answer["job_id"], answer["duplicate"]) == (202, job_id, False)
    assert (await browser.watch(job_id))[-1].name == "job_error"
    status, answer = await send(
        http, desk.public_url, desk.secret, "job-command", command(job_id, "retry")
    )
    assert (status, answer["duplicate"]) == (202, False)
    assert (await browser.job(job_id))["attempt"] == 2
    await browser.until(job_id, "running")
    # the old cancel said again must not end the new attempt
    status, answer = await send(
        http, desk.public_url, desk.secret, "job-command", cancel, webhook_id=name
    )
    assert (status, answer["duplicate"]) == (200, True)
    assert (await browser.job(job_id))["status"] in ("running", "uploading", "confirming")
    status, answer = await send(http, desk.public_url, desk.secret, "job-command", cancel)
    assert status == 202
    assert (await browser.watch(job_id))[-1].name == "job_error"


async def test_a_false_job_output_completes_nothing(
    slow_desk: Serving, patient: Browser, http: aiohttp.ClientSession
) -> None:
    desk, browser = slow_desk, patient
    job_id = await browser.submit(refine(100), FILES)
    await browser.until(job_id, "running")
    claims = output(job_id, f"outputs/{job_id}/output.json")
    status, answer = await send(http, desk.public_url, desk.secret, "job-output", claims)
    assert (status, answer["duplicate"]) == (202, False)
    assert (await browser.job(job_id))["status"] == "running"
    for duplicate in (False, True):
        status, answer = await send(
            http, desk.public_url, desk.secret, "job-output", claims, webhook_id="msg_output"
        )
        assert (status, answer["duplicate"]) == (200 if duplicate else 202, duplicate)
    await browser.command(job_id, "cancel")
    await browser.watch(job_id)


async def test_the_secret_was_drawn_once_and_is_private(desk: Serving) -> None:
    (path,) = desk.home.rglob("webhook.secret")
    assert desk.secret.startswith("whsec_")
    assert len(base64.b64decode(desk.secret.removeprefix("whsec_"))) >= 24
    assert path.stat().st_mode & 0o777 == 0o600


async def control(desk: Serving, http: aiohttp.ClientSession, step: str) -> None:
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with http.post(f"{desk.local_url}/control/queue/{step}", headers=headers) as answer:
        assert answer.status < 300, await answer.text()


async def test_a_paused_queue_accepts_and_a_draining_one_does_not(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home") as desk:
        browser = Browser(http, desk.local_url)
        await control(desk, http, "pause")
        held = await browser.submit(BLUR, FILES)
        await browser.until(held, "queued")

        await control(desk, http, "resume")
        await browser.watch(held)
        await control(desk, http, "drain")
        job_id = str(uuid.uuid4())
        body = json.dumps(created(job_id)).encode()
        headers = signed_headers(desk.secret, body)
        status, answer, got = await post(desk, http, "job-created", body, headers)
        assert status == 503
        is_error(answer)
        assert int(got["Retry-After"]) > 0
        async with http.get(f"{desk.public_url}/readyz") as ready:
            assert ready.status == 503
            told = await ready.json()
            assert told["reasons"]
            is_error({"error": told["error"]})
        # a known job is no new one
        known = json.dumps(created(held)).encode()
        again = signed_headers(desk.secret, known)
        status, answer, _ = await post(desk, http, "job-created", known, again)
        assert (status, answer["status"]) == (200, "completed")
        await control(desk, http, "resume")
        # the id that was answered 503 was not remembered
        status, answer, _ = await post(desk, http, "job-created", body, headers)
        assert (status, answer["duplicate"]) == (202, False)
        async with http.get(f"{desk.public_url}/readyz") as ready:
            assert ready.status == 200


async def test_a_full_queue_says_when_to_come_again(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    with serving(tmp_path / "home", {"JIGDESK_QUEUE__MAX_DEPTH": "2"}) as desk:
        browser = Browser(http, desk.local_url)
        await control(desk, http, "pause")
        held = [await browser.submit(BLUR, FILES) for _ in range(2)]
        for job_id in held:
            await browser.until(job_id, "queued")
        document = created(str(uuid.uuid4()))
        name = "msg_full"
        url, secret = desk.public_url, desk.secret
        status, answer = await send(http, url, secret, "job-created", document, webhook_id=name)
        assert status == 503
        is_error(answer)
        await browser.command(held[0], "cancel")
        await browser.watch(held[0])
        status, answer = await send(http, url, secret, "job-created", document, webhook_id=name)
        assert (status, answer["duplicate"]) == (202, False)


async def test_a_202_is_on_disk(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    home = tmp_path / "home"
    with serving(home) as desk:
        await control(desk, http, "pause")
        acknowledged: list[str] = []

        async def flood() -> None:
            while True:
                job_id = str(uuid.uuid4())
                document = created(job_id)
                status, _ = await send(http, desk.public_url, desk.secret, "job-created", document)
                assert status == 202
                acknowledged.append(job_id)

        senders = [asyncio.create_task(flood()) for _ in range(4)]
        await eventually(lambda: len(acknowledged) >= 40)
        desk.kill()
        gone = await asyncio.gather(*senders, return_exceptions=True)
        assert all(isinstance(error, aiohttp.ClientError | OSError) for error in gone), gone
        desk.start()
        headers = {"Authorization": f"Bearer {desk.token}"}
        for job_id in acknowledged:
            async with http.get(
                f"{desk.local_url}/control/jobs/{job_id}", headers=headers
            ) as answer:
                assert answer.status == 200, f"{job_id} was acknowledged and lost"


async def test_two_secrets_while_the_lambdas_change_over(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    current, previous = ("whsec_" + base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    env = {
        "JIGDESK_SERVER__WEBHOOK_SECRET": current,
        "JIGDESK_SERVER__WEBHOOK_SECRET_PREVIOUS": previous,
    }
    with serving(tmp_path / "home", env) as desk:
        for secret in (current, previous):
            document = created(str(uuid.uuid4()))
            status, _ = await send(http, desk.public_url, secret, "job-created", document)
            assert status == 202
        said = "\n".join(desk.said) + desk.errors()
        logs = "".join(path.read_text() for path in desk.home.rglob("*.log"))
        for secret in (current, previous):
            assert secret not in said + logs
            assert secret.removeprefix("whsec_") not in said + logs
        assert not list(desk.home.rglob("webhook.secret")), "none was drawn: one was given"


@pytest.mark.parametrize("nonce", ["a" * 16, "Az09_-" * 10])
async def test_health_proves_the_run_and_gives_no_secret_away(
    desk: Serving, http: aiohttp.ClientSession, nonce: str
) -> None:
    async with http.get(f"{desk.public_url}/healthz") as answer:
        assert answer.status == 200
        assert "proof" not in await answer.json()
    proofs = []
    for _ in range(2):
        async with http.get(f"{desk.public_url}/healthz", params={"nonce": nonce}) as answer:
            assert answer.status == 200
            proofs.append((await answer.json())["proof"])
    assert proofs[0] == proofs[1]
    for key in (desk.secret.encode(), base64.b64decode(desk.secret.removeprefix("whsec_"))):
        digest = hmac.new(key, nonce.encode(), hashlib.sha256)
        assert proofs[0] not in (
            digest.hexdigest(),
            base64.b64encode(digest.digest()).decode(),
        )
    async with http.get(f"{desk.public_url}/healthz", params={"nonce": nonce[:-1] + "b"}) as answer:
        assert (await answer.json())["proof"] != proofs[0]
    for bad in ("a" * 15, "a" * 65, "a" * 15 + "!", ""):
        async with http.get(f"{desk.public_url}/healthz", params={"nonce": bad}) as answer:
            assert answer.status == 400
            is_error(await answer.json())
