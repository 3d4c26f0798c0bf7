"""Section 2: every document of a job, field by field, and what lies beside it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from tests.harness.browser import Browser, Heard, chain
from tests.harness.pictures import photo
from tests.harness.serving import Serving
from tests.harness.shapes import (
    ERROR_CODES,
    ERROR_FIELDS,
    FILE_FIELDS,
    STATUS_FIELDS,
    instant,
    recent,
)
from tests.harness.waiting import eventually

PICTURE = photo()


@dataclass
class Done:
    job_id: str
    heard: list[Heard]
    job: dict[str, Any]


@pytest.fixture
async def completed(browser: Browser) -> Done:
    """A job of two stages that completed."""
    job_id = await browser.submit(chain(), {"photo.png": PICTURE})
    heard = await browser.watch(job_id)
    assert heard[-1].name == "job_done"
    return Done(job_id, heard, await browser.job(job_id))


async def test_the_documents_of_a_completed_job(desk: Serving, completed: Done) -> None:
    job_id = completed.job_id
    status = desk.document(f"jobs/{job_id}/status.json")
    assert sorted(status) == sorted(STATUS_FIELDS)
    assert status["version"] == 1
    assert (status["job_id"], status["status"], status["attempt"]) == (job_id, "completed", 1)
    assert (status["stage"], status["stage_index"], status["stage_count"]) == ("big", 1, 2)
    assert status["progress"] == 1
    assert status["error"] is None
    assert status["seq"] == completed.heard[-1].seq
    assert recent(status["created_at"]) <= recent(status["updated_at"])

    output = desk.document(f"outputs/{job_id}/output.json")
    assert sorted(output) == sorted(
        ["version", "job_id", "attempt", "completed_at", "duration_s", "timings", "files"]
    )
    assert (output["version"], output["job_id"], output["attempt"]) == (1, job_id, 1)
    recent(output["completed_at"])
    assert sorted(output["timings"]) == ["load_s", "queued_s", "run_s", "upload_s"]
    assert all(isinstance(value, float) and value >= 0 for value in output["timings"].values())
    assert output["duration_s"] > 0
    assert [file["stage"] for file in output["files"]] == ["fine", "big"]
    sizes = []
    for file in output["files"]:
        assert sorted(file) == sorted(FILE_FIELDS)
        body = (desk.bucket / file["key"]).read_bytes()
        assert file["key"] == f"outputs/{job_id}/{file['stage']}/{file['key'].split('/')[3]}"
        assert file["size_bytes"] == len(body)
        assert file["sha256"] == hashlib.sha256(body).hexdigest()
        assert (file["kind"], file["content_type"]) == ("image", "image/png")
        assert (file["output"], file["node"], file["index"]) == ("result", "3", 0)
        assert file["partial"] is False
        sizes.append((file["width"], file["height"]))
    assert sizes == [(64, 48), (128, 96)]

    state = desk.document(f"jobs/{job_id}/state.json")
    assert state["version"] == 1
    assert (state["host_id"], state["attempt"]) == (status["host_id"], 1)
    namespace = uuid.UUID(job_id)
    for stage in ("fine", "big"):
        ours = str(uuid.uuid5(namespace, f"{stage}/1"))
        assert ours in json.dumps(state), "a restarted desk finds its own prompts by these"
    assert not (desk.bucket / f"outputs/{job_id}/error.json").exists()


async def test_the_plan_and_the_graph(desk: Serving, completed: Done) -> None:
    job_id = completed.job_id
    manifest = desk.document(f"jobs/{job_id}/manifest.json")
    assert manifest["version"] == 1
    fine, big = manifest["stages"]
    assert (fine["name"], fine["workflow"], fine["params"]) == ("fine", "refine", {"steps": 6})
    assert len(fine["workflow_sha256"]) == 64
    source = fine["inputs"]["image"]
    assert source["size_bytes"] == len(PICTURE)
    assert source["sha256"] == hashlib.sha256(PICTURE).hexdigest()
    assert big["params"] == {"scale": 2.0}
    # what request.json left out is written out
    assert big["inputs"]["image"] == {"stage": "fine", "output": "result", "index": 0}

    graph = desk.document(f"jobs/{job_id}/graph.json")
    assert graph["version"] == 1
    assert graph["branch_of"] is None
    assert [stage["name"] for stage in graph["stages"]] == ["fine", "big"]
    for stage in graph["stages"]:
        ids = {node["id"] for node in stage["nodes"]}
        assert len(ids) == 3
        assert all(node["title"] for node in stage["nodes"])
        assert all(edge["from"] in ids and edge["to"] in ids for edge in stage["edges"])


async def test_the_job_as_the_api_shows_it_is_status_json(desk: Serving, completed: Done) -> None:
    status = desk.document(f"jobs/{completed.job_id}/status.json")
    assert {name: completed.job[name] for name in STATUS_FIELDS} == status


async def test_what_lies_in_the_store_and_nothing_else(desk: Serving, completed: Done) -> None:
    job_id = completed.job_id
    keys = {
        path.relative_to(desk.bucket).as_posix()
        for path in desk.bucket.rglob("*")
        if path.is_file() and job_id in path.as_posix()
    }
    beside = {key for key in keys if not key.startswith((f"jobs/{job_id}/thumbs/",))}
    assert beside - {f"jobs/{job_id}/preview.jpg"} == {
        f"inputs/{job_id}/photo.png",
        f"inputs/{job_id}/request.json",
        f"job-index/by-client/client:browser-0001/{job_id}.json",
        f"jobs/{job_id}/graph.json",
        f"jobs/{job_id}/manifest.json",
        f"jobs/{job_id}/state.json",
        f"jobs/{job_id}/status.json",
        f"outputs/{job_id}/big/result.png",
        f"outputs/{job_id}/fine/result.png",
        f"outputs/{job_id}/output.json",
    }
    for key in keys:
        if key.endswith(".json") and not key.startswith("inputs/"):
            document = desk.document(key)
            assert document["version"] == 1, key
            for name, value in document.items():
                if name.endswith("_at") and value is not None:
                    recent(value)
    record = desk.document(f"job-index/by-client/client:browser-0001/{job_id}.json")
    assert record["job_id"] == job_id


async def test_thumbnails_are_no_results(desk: Serving, completed: Done) -> None:
    events = json.dumps([dict(heard.data) for heard in completed.heard])
    listed = json.dumps(desk.document(f"outputs/{completed.job_id}/output.json")["files"])
    assert "/thumbs/" not in events
    assert '"key": "jobs/' not in listed


async def test_a_job_that_failed(desk: Serving, browser: Browser) -> None:
    request = {"task": "blur", "inputs": {"image": "photo.png"}}
    created = await browser.create(request, {"photo.png": b"no picture"})
    await browser.upload(created, {"photo.png": b"no picture"})
    await browser.send_manifest(created, request)
    job_id = created["job_id"]
    heard = await browser.watch(job_id)
    assert [event.name for event in heard[-2:]] == ["job:failed", "job_error"]
    error = desk.document(f"outputs/{job_id}/error.json")
    assert sorted(error) == sorted(ERROR_FIELDS)
    assert error["version"] == 1
    assert (error["job_id"], error["attempt"]) == (job_id, 1)
    assert error["code"] in ERROR_CODES
    assert isinstance(error["retryable"], bool)
    recent(error["failed_at"])
    for event in heard[-2:]:
        assert {name: event.data[name] for name in ("code", "message", "retryable")} == {
            name: error[name] for name in ("code", "message", "retryable")
        }
    public = json.dumps([error, [dict(event.data) for event in heard]])
    for private in (str(desk.home), "Traceback", "127.0.0.1:8188", desk.token, desk.secret):
        assert private not in public
    status = desk.document(f"jobs/{job_id}/status.json")
    assert (status["status"], status["error"]["code"]) == ("failed", error["code"])
    assert status["seq"] == heard[-1].seq
    assert not (desk.bucket / f"outputs/{job_id}/output.json").exists()
    assert (await browser.job(job_id))["status"] == "failed"


async def test_a_job_that_was_cancelled(desk: Serving, browser: Browser) -> None:
    request = {"task": "refine", "params": {"steps": 100}, "inputs": {"image": "photo.png"}}
    job_id = await browser.submit(request, {"photo.png": PICTURE})
    await browser.until(job_id, "running")
    assert (await browser.command(job_id, "cancel"))[0] == 202
    heard = await browser.watch(job_id)
    assert [(event.name, event.data["code"]) for event in heard[-2:]] == [
        ("job:failed", "cancelled"),
        ("job_error", "cancelled"),
    ]
    error = desk.document(f"outputs/{job_id}/error.json")
    assert sorted(error) == sorted(ERROR_FIELDS)
    assert error["code"] == "cancelled"
    assert desk.document(f"jobs/{job_id}/status.json")["status"] == "cancelled"


async def test_a_new_attempt_takes_the_old_end_away(desk: Serving, browser: Browser) -> None:
    request = {"task": "blur", "inputs": {"image": "photo.png"}}
    created = await browser.create(request, {"photo.png": PICTURE})
    await browser.send_manifest(created, {**request, "params": {"radius": 99}})
    # the manifest names a file that is not there: the job starts when it comes
    await browser.upload(created, {"photo.png": PICTURE})
    job_id = created["job_id"]
    first = await browser.watch(job_id)
    assert (first[-1].name, first[-1].data["code"]) == ("job_error", "invalid_parameter")
    assert desk.document(f"outputs/{job_id}/error.json")["attempt"] == 1
    await browser.send_manifest(created, request)
    assert (await browser.command(job_id, "retry"))[0] == 202
    heard = [event async for event in browser.events(job_id, after=first[-1].seq)]
    assert heard[-1].name == "job_done"
    assert heard[0].seq > first[-1].seq
    assert desk.document(f"outputs/{job_id}/output.json")["attempt"] == 2
    assert desk.document(f"jobs/{job_id}/status.json")["attempt"] == 2
    assert not (desk.bucket / f"outputs/{job_id}/error.json").exists()


def said(desk: Serving, key: str, state: str) -> Callable[[], bool]:
    return lambda: bool(desk.document(key)["state"] == state)


async def test_the_registration_of_the_host(desk: Serving, http: aiohttp.ClientSession) -> None:
    (path,) = (desk.bucket / "hosts").glob("*.json")
    host = desk.document(f"hosts/{path.name}")
    assert host["version"] == 1
    assert path.name == f"{host['host_id']}.json"
    assert host["accepting"] is True
    assert isinstance(host["queue_depth"], int)
    assert instant(host["expires_at"]) > datetime.now(UTC)
    described = desk.document(f"hosts/{host['host_id']}/workflows.json")
    assert described["version"] == 1
    async with http.get(f"{desk.local_url}/api/workflows") as answer:
        listed = (await answer.json())["items"]
    assert described["workflows"] == listed
    names = {workflow["name"] for workflow in listed}
    assert {"blur", "upscale", "invert", "enhance", "refine", "animate"} <= names

    control = {"Authorization": f"Bearer {desk.token}"}
    for step, word in (("pause", "paused"), ("resume", "running"), ("drain", "draining")):
        url = f"{desk.local_url}/control/queue/{step}"
        async with http.post(url, headers=control) as answer:
            assert answer.status < 300, await answer.text()
        await eventually(said(desk, f"hosts/{path.name}", word))
    assert desk.document(f"hosts/{path.name}")["accepting"] is False
    async with http.post(f"{desk.local_url}/control/queue/resume", headers=control) as answer:
        assert answer.status < 300


@pytest.mark.parametrize(
    ("suffix", "made"),
    [("animate", ("image", "image/webp")), ("enhance", ("image", "image/png"))],
)
async def test_other_kinds_of_results(
    desk: Serving, browser: Browser, suffix: str, made: tuple[str, str]
) -> None:
    request = {"task": suffix, "inputs": {"image": "photo.png"}}
    job_id = await browser.submit(request, {"photo.png": PICTURE})
    assert (await browser.watch(job_id))[-1].name == "job_done"
    (file,) = desk.document(f"outputs/{job_id}/output.json")["files"]
    assert (file["kind"], file["content_type"]) == made
    assert file["stage"] == suffix, "a one-stage job's stage is named like its workflow"
    assert (file["duration_s"] is not None) == (suffix == "animate")
