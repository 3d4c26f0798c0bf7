"""A desk that publishes over Pusher's protocol, heard by Pusher's own client."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jigdesk.adapters.publisher.pusher_channels import PusherPublisher
from jigdesk.domain.check import Check
from jigdesk.domain.errors import PublishError, PublishForbidden
from jigdesk.domain.events import MAX_DATA_BYTES, PROGRESS
from jigdesk.ports import Message
from lambdas.common.pusher_rest import PusherRest, PusherSettings
from tests.fakes.api_world import JWT_SECRET, token_for
from tests.harness.browser import BLUR, CLIENT, Browser, Heard, chain
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk, running_desk
from tests.realparts.soketi_server import (
    APP_ID,
    KEY,
    SECRET,
    Soketi,
    publisher_settings,
    require_soketi,
    subscriber,
)

pytestmark = pytest.mark.realparts
FILES = {"photo.png": photo()}


async def _send(browser: Browser, created: dict[str, Any], request: dict[str, Any]) -> None:
    await browser.upload(created, FILES)
    await browser.send_manifest(created, request)


def _without_urls(data: Any) -> Any:
    if isinstance(data, dict):
        return {k: _without_urls(v) for k, v in data.items() if k != "url"}
    return [_without_urls(item) for item in data] if isinstance(data, list) else data


async def _health(desk: Desk) -> Check:
    return next(c for c in await desk.core.health.look() if c.name == "publisher")


async def test_pusher_tells_what_the_event_stream_tells(soketi: Soketi, tmp_path: Path) -> None:
    async with (
        running_desk(tmp_path / "home", **soketi.settings) as desk,
        subscriber(soketi.port) as page,
    ):
        created = await desk.browser.create(chain(), FILES)
        channel = created["channel"]
        assert channel == f"job-{created['job_id']}"
        await page.follow(channel)
        await _send(desk.browser, created, chain())
        stream = {one.seq: one for one in await desk.browser.watch(created["job_id"])}
        await page.done(channel)

        heard = page.heard(channel)
        announced = [line["data"] for line in heard if line["event"] == "job:inputs"]
        assert {data["seq"] for data in announced} == {0}
        keys = sorted(key for data in announced for key in data["keys_changed"])
        assert keys == [f"inputs/{created['job_id']}/{n}" for n in ("photo.png", "request.json")]

        rest = [line for line in heard if line["event"] != "job:inputs"]
        seqs = [line["data"]["seq"] for line in rest]
        assert seqs == sorted(set(seqs))
        assert [line["event"] for line in rest[-2:]] == ["job:completed", "job_done"]
        told = {seq for seq, one in stream.items() if one.name not in (PROGRESS, "job:inputs")}
        assert told <= set(seqs)
        for line in rest:
            if line["data"]["seq"] in stream:
                one: Heard = stream[line["data"]["seq"]]
                assert line["event"] == one.name
                assert _without_urls(line["data"]) == _without_urls(dict(one.data))
        progress = [line["data"] for line in rest if line["event"] == PROGRESS]
        assert {"queued", "running", "uploading", "confirming"} <= {d["status"] for d in progress}
        for file in rest[-1]["data"]["files"]:
            async with desk.browser.http.get(file["url"]) as answer:
                assert answer.status == 200
        assert (await _health(desk)).level == "ok"


async def test_a_signed_in_owner_listens_on_a_private_channel_and_nobody_else_does(
    soketi: Soketi, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    env = {**soketi.settings, "JIGDESK_AUTH__SUPABASE_JWT_SECRET": JWT_SECRET}
    mine = {"Authorization": f"Bearer {token_for('u1')}"}
    other = {"Authorization": f"Bearer {token_for('u2')}"}
    async with (
        running_desk(home, **env) as desk,
        aiohttp.ClientSession(headers=mine) as http,
    ):
        browser = Browser(http, desk.core.local_url)
        endpoint = f"{desk.core.local_url}/api/pusher/auth"
        created = await browser.create(BLUR, FILES)
        channel, public = f"private-job-{created['job_id']}", f"job-{created['job_id']}"
        assert created["channel"] == channel
        async with (
            subscriber(soketi.port, endpoint=endpoint, headers=mine) as owner,
            subscriber(soketi.port, endpoint=endpoint, headers=other) as stranger,
            subscriber(soketi.port, endpoint=f"{endpoint}?client_id={CLIENT}") as nobody,
        ):
            await owner.follow(channel)
            refused = "pusher:subscription_error"
            for uninvited in (stranger, nobody):
                await uninvited.subscribe(channel, public)
                await uninvited.subscribed(public)
                await uninvited.until(lambda who=uninvited: who.count(channel, refused) == 1)  # type: ignore[misc]
            await _send(browser, created, created.get("request", BLUR))
            await owner.done(channel)
            assert owner.names(channel)[-2:] == ["job:completed", "job_done"]
            assert {"job:inputs", "job:accepted"} <= set(owner.names(channel))
            assert owner.count(channel, "pusher:subscription_succeeded") == 1
            for uninvited in (stranger, nobody):
                assert uninvited.heard(channel) == uninvited.heard(public) == []
                answers = [line["data"] for line in uninvited.lines if line.get("event") == refused]
                assert answers[0]["status"] == 404


async def test_bad_credentials_are_said_and_stop_no_job(soketi: Soketi, tmp_path: Path) -> None:
    env = publisher_settings(soketi.port, secret="not-the-secret")
    async with running_desk(tmp_path / "home", **env) as desk:
        at_once = await _health(desk)
        assert (at_once.level, at_once.name) == ("error", "publisher")
        assert "refused the credentials" in at_once.message
        job_id = await desk.browser.submit(BLUR, FILES)
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        check = await _health(desk)
        assert check.level == "error"
        assert "events have waited" in check.message
        assert "publisher.secret" in check.remedy
        assert "not-the-secret" not in repr(check)


async def test_a_soketi_that_answers_200_to_everything_loses_no_event(tmp_path: Path) -> None:
    require_soketi()
    stock = Soketi()
    await stock.start(stock=True)
    channel = "job-7d1f0c3e-0000-4000-8000-0000000000e2"
    for secret in (SECRET, "not-the-secret"):
        publisher = PusherPublisher(
            APP_ID, KEY, secret, host="127.0.0.1", port=stock.port, ssl=False
        )
        expected = nullcontext() if secret == SECRET else pytest.raises(PublishForbidden)
        with expected:
            await publisher.probe()
        with expected:
            await publisher.publish([Message(channel, "job:progress", {"seq": 1})])
        await publisher.close()
    lambdas_own = PusherRest(
        PusherSettings(APP_ID, KEY, "not-the-secret", "127.0.0.1", stock.port, ssl=False)
    )
    with pytest.raises(PublishError, match="401"):
        await asyncio.to_thread(lambdas_own.publish, [Message(channel, "job:inputs", {})])
    await stock.kill()


async def test_no_server_is_a_warning_that_says_how_much_waits(
    soketi: Soketi, tmp_path: Path
) -> None:
    async with running_desk(tmp_path / "home", **soketi.settings) as desk:
        assert (await _health(desk)).level == "ok"
        await soketi.kill()
        job_id = await desk.browser.submit(BLUR, FILES)
        assert (await desk.browser.watch(job_id))[-1].name == "job_done"
        check = await _health(desk)
        assert check.level == "warning"
        assert f"127.0.0.1:{soketi.port} cannot be reached" in check.message
        assert "Nothing is lost" in check.remedy


async def test_sixty_files_fit_into_the_ten_kilobytes_of_pusher(
    soketi: Soketi, tmp_path: Path
) -> None:
    source = {"image": {"file": "photo.png"}}
    stages = [{"name": f"s{n}", "workflow": "invert", "inputs": source} for n in range(60)]
    request = {"stages": stages}
    async with (
        running_desk(tmp_path / "home", **soketi.settings) as desk,
        subscriber(soketi.port) as page,
    ):
        created = await desk.browser.create(request, FILES)
        await page.follow(created["channel"])
        await _send(desk.browser, created, request)
        await page.done(created["channel"])
        last = page.heard(created["channel"])[-1]["data"]
        assert last["truncated"] is True
        assert len(last["files"]) == 60
        assert not any("url" in file for file in last["files"])
        assert page.names(created["channel"]).count("job:new_files") == 60
        assert len((await desk.browser.job(created["job_id"]))["files"]) == 60


async def test_the_largest_event_is_taken(soketi: Soketi) -> None:
    publisher = PusherPublisher(APP_ID, KEY, SECRET, host="127.0.0.1", port=soketi.port, ssl=False)
    channel = "job-7d1f0c3e-0000-4000-8000-0000000000e2"
    text = "\N{SNOWMAN}" * 3_000
    text += "x" * (
        MAX_DATA_BYTES - len(json.dumps({"text": text}, ensure_ascii=False).encode()) + 1
    )
    async with subscriber(soketi.port) as page:
        await page.follow(channel)
        await publisher.publish([Message(channel, "job:progress", {"text": text})] * 10)
        await page.until(lambda: len(page.heard(channel)) == 10)
        assert page.heard(channel)[-1]["data"]["text"] == text
    await publisher.close()
