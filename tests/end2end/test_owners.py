"""Section 1: whose a job is, signed in or not; and what one owner may ask for."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest

from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import photo
from tests.harness.serving import Serving, serving
from tests.harness.shapes import is_error, is_list
from tests.harness.webhooks import created, send

FILES = {"photo.png": photo()}
FILE = {"name": "photo.png", "size_bytes": len(photo()), "content_type": "image/png"}
JWT_SECRET = "a-secret-of-the-project-that-is-long-enough"
PUSHER_KEY, PUSHER_SECRET = "278d425bdf160c739803", "7ad3773142a6692b25b8"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A desk with signed-in visitors, and a Pusher that cannot be reached."""
    env = {
        "JIGDESK_AUTH__SUPABASE_JWT_SECRET": JWT_SECRET,
        "JIGDESK_PUBLISHER__KIND": "pusher",
        "JIGDESK_PUBLISHER__APP_ID": "1",
        "JIGDESK_PUBLISHER__KEY": PUSHER_KEY,
        "JIGDESK_PUBLISHER__SECRET": PUSHER_SECRET,
        "JIGDESK_PUBLISHER__HOST": "127.0.0.1",
        "JIGDESK_PUBLISHER__PORT": "9",
        "JIGDESK_PUBLISHER__SSL": "false",
    }
    with serving(tmp_path_factory.mktemp("owners") / "home", env) as running:
        yield running


def token(user: str, secret: str = JWT_SECRET, **claims: Any) -> dict[str, str]:
    now = int(time.time())
    told = {"sub": user, "aud": "authenticated", "role": "authenticated", "iat": now}
    signed = jwt.encode({**told, "exp": now + 600, **claims}, secret, algorithm="HS256")
    return {"Authorization": f"Bearer {signed}"}


async def create(
    desk: Serving, http: aiohttp.ClientSession, headers: Mapping[str, str], **more: Any
) -> dict[str, Any]:
    body = {"request": BLUR, "files": [FILE], **more}
    async with http.post(f"{desk.local_url}/api/jobs", json=body, headers=headers) as answer:
        assert answer.status == 201, await answer.text()
        return dict(await answer.json())


async def test_a_user_s_job_is_the_user_s_alone(desk: Serving, http: aiohttp.ClientSession) -> None:
    mine, other = token("user-1"), token("user-2")
    made = await create(desk, http, mine, client_id="browser-0001")
    job_id = made["job_id"]
    assert made["channel"] == f"private-job-{job_id}"
    assert (desk.bucket / f"job-index/by-client/user:user-1/{job_id}.json").exists()
    browser = Browser(http, desk.local_url)
    await browser.upload(made, FILES)
    claims = {**BLUR, "user_id": "user-1", "client_id": "browser-0001"}
    await browser.send_manifest(made, claims)

    url = f"{desk.local_url}/api/jobs/{job_id}"
    async with http.get(url, headers=mine) as answer:
        assert answer.status == 200
        ticket = (await answer.json())["ticket"]
    async with http.get(f"{desk.local_url}/events/{job_id}", params={"ticket": ticket}) as answer:
        assert answer.status == 200
        assert "event: job_done" in (await answer.read()).decode(), "though Pusher is away"

    as_client = {"client_id": "browser-0001"}
    for headers, params in ((other, {}), ({}, as_client)):
        async with http.get(url, headers=headers, params=params) as answer:
            assert answer.status == 404
        for command in ("cancel", "retry"):
            called = f"{url}/{command}"
            async with http.post(called, headers=headers, params=params) as answer:
                assert answer.status == 404
        events = f"{desk.local_url}/events/{job_id}"
        async with http.get(events, headers=headers, params=params) as answer:
            assert answer.status == 404
        listing = f"{desk.local_url}/api/jobs"
        async with http.get(listing, headers=headers, params=params) as answer:
            assert job_id not in [item["job_id"] for item in is_list(await answer.json())]
    async with http.get(f"{desk.local_url}/api/jobs", headers=mine) as answer:
        assert [item["job_id"] for item in is_list(await answer.json())] == [job_id]
    async with http.post(f"{url}/retry", headers=mine) as answer:
        assert answer.status == 202


async def test_bad_tokens_are_401(desk: Serving, http: aiohttp.ClientSession) -> None:
    unsigned = jwt.encode({"sub": "user-1", "exp": 9999999999}, "", algorithm="none")
    bad = [
        token("user-1", "another-secret-that-is-long-enough-too"),
        token("user-1", exp=int(time.time()) - 3600),
        token("user-1", aud="somebody-else"),
        token(""),
        {"Authorization": f"Bearer {unsigned}"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic eDp5"},
    ]
    for headers in bad:
        for call in (
            http.get(f"{desk.local_url}/api/jobs", headers=headers),
            http.post(f"{desk.local_url}/api/jobs", json={"request": BLUR}, headers=headers),
        ):
            async with call as answer:
                assert answer.status == 401, headers
                is_error(await answer.json())


async def test_a_private_channel_is_signed_for_its_owner_only(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    mine = token("user-3")
    made = await create(desk, http, mine)
    url = f"{desk.local_url}/api/pusher/auth"
    channel = f"private-job-{made['job_id']}"
    form = {"socket_id": "1234.5678", "channel_name": channel}
    async with http.post(url, data=form, headers=mine) as answer:
        assert answer.status == 200, await answer.text()
        told = await answer.json()
    signed = f"1234.5678:{channel}".encode()
    digest = hmac.new(PUSHER_SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert told["auth"] == f"{PUSHER_KEY}:{digest}"
    for headers, change in (
        (token("user-4"), {}),
        ({}, {}),
        (mine, {"channel_name": "private-job-x"}),
        (mine, {"channel_name": "presence-anything"}),
        (mine, {"socket_id": "1234.5678:private-other"}),
    ):
        async with http.post(url, data={**form, **change}, headers=headers) as answer:
            assert 400 <= answer.status < 500
            is_error(await answer.json())


async def test_a_claimed_user_does_not_count(desk: Serving, http: aiohttp.ClientSession) -> None:
    browser = Browser(http, desk.local_url, "claimer-00001")
    made = await browser.create(BLUR, FILES)
    await browser.upload(made, FILES)
    await browser.send_manifest(made, {**BLUR, "user_id": "user-1"})
    job_id = made["job_id"]
    assert (await browser.watch(job_id))[-1].name == "job_done"
    url = f"{desk.local_url}/api/jobs/{job_id}"
    async with http.get(url, headers=token("user-1")) as answer:
        assert answer.status == 404
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with http.get(f"{desk.local_url}/control/jobs/{job_id}", headers=headers) as answer:
        text = json.dumps(await answer.json())
    assert "client:claimer-00001" in text
    assert '"user:user-1"' not in text


async def test_a_claimed_client_stands_where_the_index_knows_nobody(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    """A manifest that was put into the store past the jobs API."""

    def put(job_id: str, **claims: str) -> None:
        folder = desk.bucket / "inputs" / job_id
        folder.mkdir(parents=True)
        (folder / "photo.png").write_bytes(photo())
        request = {"version": 1, "job_id": job_id, **claims, **BLUR}
        (folder / "request.json").write_text(json.dumps(request))

    async def announce(job_id: str) -> None:
        document = created(job_id, f"inputs/{job_id}/request.json")
        sent = await send(http, desk.public_url, desk.secret, "job-created", document)
        assert sent[0] == 202

    mine, users, nobodys = (str(uuid.uuid4()) for _ in range(3))
    put(mine, client_id="direct-00001")
    put(users, client_id="direct-00001", user_id="user-1")
    put(nobodys)
    for job_id in (mine, users, nobodys):
        await announce(job_id)
    owner = Browser(http, desk.local_url, "direct-00001")
    assert (await owner.watch(mine))[-1].name == "job_done"
    job = await owner.job(mine)
    assert (job["status"], len(job["files"])) == ("completed", 1)
    assert (await owner.command(mine, "retry"))[0] == 202
    await owner.watch(users)  # its user is a claim and nothing else
    for job_id, headers, client_id in (
        (mine, {}, "direct-00002"),
        (nobodys, {}, "direct-00001"),
        (users, token("user-1"), "direct-00001"),
    ):
        url = f"{desk.local_url}/api/jobs/{job_id}"
        async with http.get(url, params={"client_id": client_id}, headers=headers) as answer:
            assert answer.status == 404


async def test_limits_of_an_owner(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    env = {
        "JIGDESK_LIMITS__OWNER_JOBS_PER_DAY": "2",
        "JIGDESK_LIMITS__FILE_BYTES": "1000",
        "JIGDESK_LIMITS__FILE_PIXELS": "10000",
    }
    with serving(tmp_path / "home", env) as desk:
        url = f"{desk.local_url}/api/jobs"
        body = {"client_id": "limited-00001", "request": BLUR, "files": [FILE]}
        large = [{**FILE, "size_bytes": 1001}]
        async with http.post(url, json={**body, "files": large}) as answer:
            assert answer.status == 413
            is_error(await answer.json())
        browser = Browser(http, desk.local_url, "limited-00001")
        wide = {"photo.png": photo(200, 100)}
        too_wide = await browser.submit(BLUR, wide)
        heard = await browser.watch(too_wide)
        assert heard[-1].data["code"] == "input_too_large"
        async with http.post(url, json=body) as answer:
            assert answer.status == 201
        async with http.post(url, json=body) as answer:
            assert answer.status == 429
            is_error(await answer.json())
        async with http.post(url, json={**body, "client_id": "another-00001"}) as answer:
            assert answer.status == 201, "another owner's day is not over"
