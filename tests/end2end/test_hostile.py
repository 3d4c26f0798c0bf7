"""Hostile manifests, names and instructions: a clear failure, and no file where none belongs."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import bomb, photo
from tests.harness.serving import Serving
from tests.harness.waiting import eventually
from tests.harness.webhooks import created as job_created
from tests.harness.webhooks import send

FILES = {"photo.png": photo()}
ANOTHER = "00000000-0000-4000-8000-000000000000"


def everything_but(desk: Serving, job_id: str) -> set[str]:
    """Every file on this side of the disk that does not belong to the job."""
    root = desk.home.parent
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file()
        and job_id not in path.as_posix()
        and not any(
            part in path.as_posix() for part in ("/locks/", "/meta/", "/state/", "/logs/", "stderr")
        )
    }


async def run_raw(desk: Serving, browser: Browser, body: bytes) -> dict[str, Any]:
    """A job whose request.json holds these bytes; returns its error."""
    made = await browser.create(BLUR, FILES)
    await browser.upload(made, FILES)
    await browser.send_manifest(made, body)
    heard = await browser.watch(made["job_id"])
    assert heard[-1].name == "job_error", body[:100]
    error = desk.document(f"outputs/{made['job_id']}/error.json")
    assert len(error["message"]) < 1000
    assert str(desk.home) not in json.dumps(error)
    return error


def manifest(**change: Any) -> bytes:
    return json.dumps({"version": 1, **BLUR, **change}).encode()


def stages(*items: Any) -> bytes:
    return json.dumps({"version": 1, "stages": list(items)}).encode()


def stage(name: Any = "a", **change: Any) -> dict[str, Any]:
    return {"name": name, "workflow": "blur", "inputs": {"image": {"file": "photo.png"}}, **change}


INVALID = {
    "not UTF-8": b"\xff\xfe\x00",
    "not JSON": b"{",
    "empty": b"",
    "a list": b"[]",
    "deep": b"[" * 50_000,
    "deep within": b'{"version":1,"a":' + b"[" * 50_000,
    "duplicate keys": b'{"version":1,"version":1,"task":"blur"}',
    "NaN": b'{"version":1,"task":"blur","params":{"radius":NaN}}',
    "a huge number": b'{"version":1,"task":"blur","params":{"radius":' + b"9" * 5000 + b"}}",
    "version 2": manifest(version=2),
    "version as text": manifest(version="1"),
    "no version": json.dumps(BLUR).encode(),
    "no task": b'{"version":1}',
    "another job's id": manifest(job_id=ANOTHER),
    "both forms": manifest(stages=[stage()]),
    "no stage": stages(),
    "65 stages": stages(*(stage(f"s{i}") for i in range(65))),
    "two of one name": stages(stage(), stage()),
    "capital letters": stages(stage("A")),
    "a path as a name": stages(stage("../x")),
    "a long name": stages(stage("a" * 64)),
    "an odd name": stages(stage(7)),
    "itself": stages(stage(inputs={"image": {"stage": "a"}})),
    "a later stage that leads back": stages(
        stage("a", inputs={"image": {"stage": "b"}}), stage("b", inputs={"image": {"stage": "a"}})
    ),
    "no such stage": stages(stage(inputs={"image": {"stage": "z"}})),
    "no such output": stages(
        stage(), stage("b", inputs={"image": {"stage": "a", "output": "nothing"}})
    ),
    "an odd client id": manifest(client_id="../../x"),
    "another form of inputs": manifest(inputs=["photo.png"]),
}
PATHS = [
    "../photo.png",
    "/etc/passwd",
    "a/../../photo.png",
    "C:\\photo.png",
    "a\\b.png",
    "con.png/../x",
    "photo.png\0.txt",
    "",
    ".",
    "a//b.png",
    "request.json/../../x.png",
    "x" * 2000,
    f"../{ANOTHER}/photo.png",
]


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
async def test_an_invalid_manifest(desk: Serving, browser: Browser, body: bytes) -> None:
    error = await run_raw(desk, browser, body)
    assert error["code"] in ("invalid_manifest", "invalid_parameter", "unknown_workflow")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: repr(path)[:30])
async def test_a_path_that_leads_elsewhere(desk: Serving, browser: Browser, path: str) -> None:
    nobody = str(uuid.uuid4())
    before = everything_but(desk, nobody)
    error = await run_raw(desk, browser, manifest(inputs={"image": path}))
    assert error["code"] in ("invalid_manifest", "missing_input")
    job_id = error["job_id"]
    after = {name for name in everything_but(desk, nobody) if job_id not in name}
    assert after <= before
    mine = [path for path in (desk.home / "jobs").rglob("*") if path.is_file()]
    assert all(path.resolve().is_relative_to(desk.home / "jobs") for path in mine)


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("photo.png", b"", "validation_failed"),
        ("photo.png", b"GIF89a", "validation_failed"),
        pytest.param("photo.png", photo()[:60], "validation_failed", id="cut"),
        pytest.param("photo.png", bomb(), "input_too_large", id="bomb"),
        ("photo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "validation_failed"),
        ("photo.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "validation_failed"),
    ],
)
async def test_a_picture_that_is_none(
    desk: Serving, browser: Browser, name: str, body: bytes, code: str
) -> None:
    request = {"task": "blur", "inputs": {"image": name}}
    job_id = await browser.submit(request, {name: body})
    heard = await browser.watch(job_id)
    assert (heard[-1].name, heard[-1].data["code"]) == ("job_error", code)


async def test_names_that_are_only_odd_work(desk: Serving, browser: Browser) -> None:
    for name in (
        "ünï cödé 图.png",
        "a/b/c/d.png",
        "-rf.png",
        "%2e%2e%2fx.png",
        "photo.PnG",
        "a'b.png",
    ):
        request = {"task": "blur", "inputs": {"image": name}}
        job_id = await browser.submit(request, {name: photo()})
        assert (await browser.watch(job_id))[-1].name == "job_done", name
        assert (desk.home / "jobs" / job_id / "inputs" / name).is_file()


def write(desk: Serving, key: str, body: bytes) -> None:
    path = desk.bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


async def announce(desk: Serving, http: aiohttp.ClientSession, job_id: str) -> None:
    """Tell the desk by webhook, as a Lambda does once instructions.txt is there."""
    document = job_created(job_id, f"inputs/{job_id}/instructions.txt")
    status, _ = await send(http, desk.public_url, desk.secret, "job-created", document)
    assert status == 202


async def ended(desk: Serving, job_id: str) -> dict[str, Any]:
    """Wait for the job's end by its status.json: it has no owner who could follow it."""
    path = desk.bucket / f"jobs/{job_id}/status.json"
    final = ("completed", "failed", "cancelled")
    await eventually(lambda: json.loads(path.read_bytes())["status"] in final)
    return desk.document(f"jobs/{job_id}/status.json")


async def test_instructions_wait_for_their_files(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    job_id = str(uuid.uuid4())
    text = (
        "# softer, then larger\n"
        "soft: blur --radius=5 --image 'my photo.png'\n"
        "\n"
        "big: upscale --scale 0.5   # takes what came before\n"
        "last: invert --image @soft.result[0]\n"
    )
    write(desk, f"inputs/{job_id}/instructions.txt", text.encode())
    await announce(desk, http, job_id)
    preparing = desk.bucket / f"jobs/{job_id}/status.json"
    await eventually(lambda: b'"preparing"' in preparing.read_bytes())
    write(desk, f"inputs/{job_id}/my photo.png", photo())
    assert (await ended(desk, job_id))["status"] == "completed"
    plan = desk.document(f"jobs/{job_id}/manifest.json")["stages"]
    assert [one["name"] for one in plan] == ["soft", "big", "last"]
    assert plan[0]["params"] == {"radius": 5}
    assert plan[1]["inputs"]["image"]["stage"] == "soft"
    assert plan[2]["inputs"]["image"]["stage"] == "soft"
    files = desk.document(f"outputs/{job_id}/output.json")["files"]
    assert [(file["stage"], file["width"]) for file in files] == [
        ("soft", 64),
        ("big", 32),
        ("last", 64),
    ]
    # nobody's: the host's own, and no visitor may see it
    params = {"client_id": "browser-0001"}
    async with http.get(f"{desk.local_url}/api/jobs/{job_id}", params=params) as answer:
        assert answer.status == 404
    headers = {"Authorization": f"Bearer {desk.token}"}
    async with http.get(f"{desk.local_url}/control/jobs/{job_id}", headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"blurr --image photo.png", "unknown_workflow"),
        (b"blur --radius 99 --image photo.png", "invalid_parameter"),
        (b"blur --radius --image photo.png", None),
        (b"blur --nonsense 1 --image photo.png", None),
        (b"blur --image 'photo.png", "invalid_manifest"),
        (b"blur --image @nothing", "invalid_manifest"),
        (b"blur --image ../../../etc/passwd", "invalid_manifest"),
        (b"blur; touch evil --image photo.png", "unknown_workflow"),
        (b"$(touch evil): blur --image photo.png", "unknown_workflow"),
        (b"\xff\xfe", "invalid_manifest"),
        (b"# nothing\n", "invalid_manifest"),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_bad_instructions(
    desk: Serving, http: aiohttp.ClientSession, text: bytes, code: str | None
) -> None:
    job_id = str(uuid.uuid4())
    write(desk, f"inputs/{job_id}/photo.png", photo())
    write(desk, f"inputs/{job_id}/instructions.txt", text)
    await announce(desk, http, job_id)
    status = await ended(desk, job_id)
    assert status["status"] == "failed"
    got = status["error"]["code"]
    assert got == code or (code is None and got in ("invalid_manifest", "invalid_parameter"))
    assert not list(desk.home.parent.rglob("evil"))


async def test_a_claimed_user_is_nobody(desk: Serving, browser: Browser) -> None:
    """request.json is a browser's: what it says of an owner counts only by the index."""
    made = await browser.create(BLUR, FILES)
    await browser.upload(made, FILES)
    await browser.send_manifest(
        made, {**BLUR, "user_id": "somebody-else", "client_id": browser.client_id}
    )
    job_id = made["job_id"]
    assert (await browser.watch(job_id))[-1].name == "job_done"
    assert made["channel"] == f"job-{job_id}"


async def test_somebody_else_s_results_are_no_branch(
    desk: Serving, http: aiohttp.ClientSession
) -> None:
    owner = Browser(http, desk.local_url, "branch-0000001")
    thief = Browser(http, desk.local_url, "branch-0000002")
    done = await owner.submit(BLUR, FILES)
    await owner.watch(done)
    request = {**BLUR, "branch_of": {"job_id": done, "stage": "blur"}}
    body = {
        "client_id": thief.client_id,
        "request": request,
        "files": [
            {
                "name": "photo.png",
                "size_bytes": len(FILES["photo.png"]),
                "content_type": "image/png",
            }
        ],
    }
    async with http.post(f"{desk.local_url}/api/jobs", json=body) as answer:
        assert answer.status in (404, 422)
    made = await thief.create(BLUR, FILES)
    await thief.upload(made, FILES)
    await thief.send_manifest(made, request)
    await thief.watch(made["job_id"])
    shown = await thief.job(made["job_id"])
    assert done not in json.dumps(shown["files"])


def test_nothing_of_this_lies_outside_of_the_home(desk: Serving) -> None:
    assert {path.name for path in Path(desk.home.parent).iterdir()} == {"home"}
