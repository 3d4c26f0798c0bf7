"""The control API: the owner's, with the token and with nothing less."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from jigdesk.adapters.http.request_log import MAX_BODY_BYTES
from jigdesk.domain.changes import Change
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure, JobStatus
from tests.fakes.http_desk import JOB_ID, TOKEN, HttpDesk
from tests.harness.waiting import eventually

BEARER = {"Authorization": f"Bearer {TOKEN}"}
OTHER = "7d1f0c3e-0000-4000-8000-0000000000e3"


class Owner:
    """Calls the control API with the token."""

    def __init__(self, client: aiohttp.ClientSession, desk: HttpDesk) -> None:
        self._client = client
        self._base = desk.local.url + "/control"

    async def __call__(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self._client.request(
            method, self._base + path, headers=BEARER, json=body
        ) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            return answer.status, await answer.json()


@pytest.fixture
def owner(web_client: aiohttp.ClientSession, desk: HttpDesk) -> Owner:
    return Owner(web_client, desk)


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN} {TOKEN}",
        "Bearer é",
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/queue/pause", "/nowhere", ""])
async def test_without_the_token_nothing(
    web_client: aiohttp.ClientSession, desk: HttpDesk, given: str | None, path: str
) -> None:
    headers = {} if given is None else {"Authorization": given}
    for method in ("GET", "POST"):
        url = f"{desk.local.url}/control{path}"
        async with web_client.request(method, url, headers=headers) as answer:
            if path == "" and answer.status == 404:
                continue  # "/control" alone is no route of it
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
            assert (await answer.json())["error"]["code"] == "unauthorised"
    assert desk.control.paused is None


async def test_lists_page_by_page(owner: Owner, desk: HttpDesk) -> None:
    await desk.accept()
    await desk.accept(OTHER)
    await desk.fail()
    status, first = await owner("GET", "/jobs?limit=1")
    assert status == 200
    _, second = await owner("GET", f"/jobs?limit=1&cursor={first['next_cursor']}")
    assert {first["items"][0]["job_id"], second["items"][0]["job_id"]} == {JOB_ID, OTHER}
    _, failed = await owner("GET", "/jobs?state=failed,cancelled")
    assert [item["job_id"] for item in failed["items"]] == [JOB_ID]
    _, found = await owner("GET", f"/jobs?q={OTHER[-6:]}")
    assert [item["job_id"] for item in found["items"]] == [OTHER]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=-1", "limit"),
        ("limit=%D9%A1", "limit"),
        ("state=done", "state"),
        ("state=failed,done", "state"),
        ("states=failed", "states"),
        ("cursor=nonsense", "cursor"),
        ("cursor=" + "x" * 600, "cursor"),
        ("q=" + "x" * 201, "q"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_wrong_parameter_is_named(owner: Owner, query: str, field: str) -> None:
    status, answer = await owner("GET", f"/jobs?{query}")
    assert (status, answer["error"]["field"]) == (400, field)


async def test_a_job_with_all_that_browsers_are_not_shown(owner: Owner, desk: HttpDesk) -> None:
    await desk.accept()
    plan = {"version": 1, "stages": [{"name": "blur"}]}
    failure = Failure(
        ErrorCode.INTERNAL, "It broke.", retryable=True, traceback="Traceback: /home/x"
    )
    change = Change(to=JobStatus.FAILED, fields={"failure": failure}, plan=plan)
    await desk.journal.apply(JOB_ID, change)
    status, job = await owner("GET", f"/jobs/{JOB_ID}")
    assert status == 200
    assert job["failure"]["traceback"] == "Traceback: /home/x"
    assert job["events"][0]["event"] == "job:accepted"
    assert job["events"][0]["data"]["job_id"] == JOB_ID
    assert set(job["events"][0]) == {"event", "seq", "at", "data"}
    assert job["attempts"][0]["attempt"] == 1
    assert job["manifests"]["plan"] == plan
    assert job["manifests"]["request"]["task"] == "blur"
    assert job["timings"]["run_s"] == 0
    _, listed = await owner("GET", "/jobs")
    assert "traceback" not in listed["items"][0]["failure"]


async def test_unknown_jobs_are_404(owner: Owner) -> None:
    for path in (OTHER, "not-an-id", "..%2f.."):
        assert (await owner("GET", f"/jobs/{path}"))[0] == 404
        assert (await owner("POST", f"/jobs/{path}/cancel"))[0] == 404


async def test_the_owner_moves_jobs_the_queue_and_the_engine(owner: Owner, desk: HttpDesk) -> None:
    await desk.accept()
    for verb in ("cancel", "prioritise"):
        status, job = await owner("POST", f"/jobs/{JOB_ID}/{verb}")
        assert (status, job["job_id"]) == (202, JOB_ID)
    status, answer = await owner("POST", f"/jobs/{JOB_ID}/retry")
    assert (status, answer["error"]["code"]) == (409, "not_final")
    assert [verb for verb, _ in desk.control.calls] == ["cancel", "prioritise", "retry"]

    status, queue = await owner("POST", "/queue/pause", {"reason": "A game.", "later": 1})
    assert (status, queue["paused"]) == (200, "A game.")
    assert (await owner("GET", "/queue"))[1]["paused"] == "A game."
    assert (await owner("POST", "/queue/resume"))[1]["paused"] is None
    assert (await owner("POST", "/queue/drain"))[0] == 200
    for action in ("start", "stop", "restart", "free"):
        assert await owner("POST", f"/comfyui/{action}") == (202, {"state": action})
    status, shown = await owner("GET", "/resources?seconds=2")
    assert (status, len(shown["items"])) == (200, 2)
    assert shown["items"][0]["gpus"][0]["name"] == "A card"
    assert len((await owner("GET", "/resources"))[1]["items"]) == 60
    assert (await owner("GET", "/resources?seconds=0"))[0] == 400
    assert await owner("GET", "/comfyui") == (200, {"kind": "demo", "last_lines": ["listening"]})
    assert (await owner("POST", "/comfyui/explode"))[0] == 404
    assert (await owner("GET", "/queue/pause"))[0] == 405


@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": 7}, {"reason": "x" * 501}])
async def test_a_reason_is_a_short_text(owner: Owner, body: dict[str, object]) -> None:
    status, answer = await owner("POST", "/queue/pause", body)
    assert (status, answer["error"]["field"]) == (400, "reason")


async def test_health_says_the_worst_first(owner: Owner) -> None:
    status, health = await owner("GET", "/health")
    assert (status, health["level"]) == (200, "warning")
    assert [check["name"] for check in health["checks"]] == ["engine", "disk"]


# --- requests and replay

CREATED = {
    "version": 1,
    "type": "JobCreated",
    "job_id": JOB_ID,
    "bucket": "jig-react",
    "keys": [],
    "event_time": "2026-03-01T12:00:00Z",
}


async def post(
    client: aiohttp.ClientSession, desk: HttpDesk, body: bytes, path: str = "job-created"
) -> None:
    async with client.post(f"{desk.public.url}/webhooks/{path}", data=body):
        pass


async def test_a_refused_webhook_is_replayed_and_taken(
    owner: Owner, web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    await post(web_client, desk, json.dumps(CREATED).encode())
    _, listed = await owner("GET", "/requests")
    first = listed["items"][0]
    assert (first["status"], first["verdict"], first["path"]) == (
        401,
        "refused",
        "/webhooks/job-created",
    )
    # what was refused for its signature was read, so it can be looked at and sent again
    assert json.loads(first["body"]) == CREATED
    status, done = await owner("POST", f"/requests/{first['id']}/replay")
    assert (status, done["status"]) == (202, 202)
    ((webhook_id, webhook),) = desk.intake.taken
    assert webhook_id == done["webhook_id"] != ""
    assert webhook.job_id == JOB_ID
    assert json.loads(done["answer"])["duplicate"] is False

    edited = json.dumps(CREATED | {"job_id": OTHER})
    status, done = await owner("POST", f"/requests/{first['id']}/replay", {"body": edited})
    assert (status, done["status"]) == (202, 202)
    assert [taken.job_id for _, taken in desk.intake.taken] == [JOB_ID, OTHER]
    _, listed = await owner("GET", "/requests?limit=2")
    assert [item["status"] for item in listed["items"]] == [202, 202]
    _, rest = await owner("GET", f"/requests?cursor={listed['next_cursor']}")
    assert [item["id"] for item in rest["items"]] == [first["id"]]


async def test_what_cannot_be_replayed(
    owner: Owner, web_client: aiohttp.ClientSession, desk: HttpDesk
) -> None:
    async with web_client.get(desk.public.url + "/healthz"):
        pass
    health = desk.log.page(1)[0][0].id
    await post(web_client, desk, b" " * (MAX_BODY_BYTES + 1))
    long = desk.log.page(1)[0][0].id
    assert (await owner("POST", f"/requests/{health}/replay"))[0] == 409
    assert (await owner("POST", f"/requests/{long}/replay"))[0] == 409
    assert (await owner("POST", f"/requests/{long}/replay", {"body": "{}"}))[1]["status"] == 422
    assert (await owner("POST", "/requests/none/replay"))[0] == 404
    assert (await owner("POST", f"/requests/{long}/replay", {"body": 7}))[0] == 400
    assert (await owner("POST", f"/requests/{long}/replay", {"body": "x" * 270_000}))[0] == 400
    assert (await owner("POST", f"/requests/{long}/replay", {"body": "\ud800"}))[0] == 400
    assert (await owner("POST", f"/requests/{long}/replay", ["body"]))[0] == 400
    assert (await owner("GET", "/requests?cursor=abc"))[1]["error"]["field"] == "cursor"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (f"/jobs/{JOB_ID}/cancel", ("cancel", JOB_ID)),
        ("/comfyui/restart", ("engine", "restart")),
    ],
)
async def test_what_was_begun_comes_to_its_end_though_nobody_waits_for_the_answer(
    owner: Owner, desk: HttpDesk, path: str, call: tuple[str, str]
) -> None:
    await desk.accept()
    desk.control.go_on.clear()
    asked = asyncio.create_task(owner("POST", path))
    await eventually(lambda: desk.control.calls == [call])
    asked.cancel()
    await asyncio.wait([asked])
    assert (await owner("GET", "/queue"))[0] == 200  # meanwhile the listener saw that it left
    desk.control.go_on.set()
    await eventually(lambda: desk.control.done == [call])


async def test_what_nobody_waits_for_is_awaited_when_the_listener_stops(
    owner: Owner, desk: HttpDesk
) -> None:
    await desk.accept()
    desk.control.go_on.clear()
    asked = asyncio.create_task(owner("POST", f"/jobs/{JOB_ID}/cancel"))
    await eventually(lambda: desk.control.calls != [])
    asked.cancel()
    await asyncio.wait([asked])
    stopping = asyncio.create_task(desk.local.stop())
    ended, _ = await asyncio.wait([stopping], timeout=0.5)
    assert not ended
    desk.control.go_on.set()
    await stopping
    assert desk.control.done == [("cancel", JOB_ID)]
