"""The host's own jobs: sent through the same doors, and told as one story."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jigdesk.app.job_story import (
    MAX_DOCUMENT_BYTES,
    file_bytes,
    job_documents,
    job_story,
    local_copy,
    thumb_bytes,
)
from jigdesk.app.own_jobs import OwnJob, own_client_id, send_own_job
from jigdesk.domain import keys
from jigdesk.domain.changes import StageState
from jigdesk.domain.errors import JigDeskError, RequestError
from tests.harness.browser import Browser, chain
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk


async def send(desk: Desk, wanted: OwnJob, heard: list[tuple[int, int]] | None = None) -> str:
    client_id = await asyncio.to_thread(own_client_id, desk.core.settings.paths)
    told = (lambda *_: None) if heard is None else lambda *pair: heard.append(pair)
    return await send_own_job(desk.core.local_url, client_id, wanted, told)


async def test_a_job_of_the_host_runs_and_is_told(desk: Desk, tmp_path: Path) -> None:
    picture = tmp_path / "photo.png"
    picture.write_bytes(photo())
    heard: list[tuple[int, int]] = []
    job_id = await send(desk, OwnJob(chain(steps=2), {"photo.png": picture}), heard)
    size = picture.stat().st_size
    assert heard[-1] == (size, size)
    client_id = own_client_id(desk.core.settings.paths)
    own = Browser(desk.browser.http, desk.core.local_url, client_id)
    assert (await own.watch(job_id))[-1].name == "job_done"

    story = await job_story(desk.core, job_id)
    assert story is not None
    assert story.job.owner_id == f"client:{client_id}"
    assert [run.state for run in story.runs] == [StageState.STORED] * 2
    assert story.graph is not None
    (edge,) = story.graph["edges"]
    assert (edge["from_stage"], edge["to_stage"], edge["to_node"]) == ("fine", "big", "1")
    assert [(file.role, file.stage) for file in story.files] == [
        ("input", "fine"),
        ("result", "fine"),
        ("result", "big"),
    ]
    await desk.settled()
    documents = await job_documents(desk.core, job_id)
    assert {"request.json", "manifest.json", "graph.json", "output.json"} <= set(documents)
    assert documents["output.json"]["attempt"] == 1
    result = story.files[-1]
    small, whole = await thumb_bytes(desk.core, result), await file_bytes(desk.core, result)
    assert small
    assert whole
    assert (small != whole) is (result.thumb_key is not None)


async def test_a_manifest_that_is_too_large_hides_no_other(desk: Desk) -> None:
    job_id = await desk.browser.submit(chain(steps=1), {"photo.png": photo()})
    await desk.browser.watch(job_id)
    await desk.settled()
    await desk.core.store.put(keys.request_key(job_id), b" " * (MAX_DOCUMENT_BYTES + 1))
    documents = await job_documents(desk.core, job_id)
    assert "bytes" in documents["request.json"]
    assert documents["output.json"]["attempt"] == 1


async def test_a_file_that_was_cleaned_away_comes_from_the_store(desk: Desk) -> None:
    job_id = await desk.browser.submit(chain(steps=1), {"photo.png": photo()})
    await desk.browser.watch(job_id)
    story = await job_story(desk.core, job_id)
    assert story is not None
    first = story.files[0]
    first.path.unlink()
    assert await file_bytes(desk.core, first) == photo()
    assert not first.path.exists()
    assert (await local_copy(desk.core, first)).read_bytes() == photo()


async def test_what_the_desk_refuses_is_said_in_its_words(desk: Desk, tmp_path: Path) -> None:
    request = {"task": "blur", "params": {"radius": 99}, "inputs": {"image": "photo.png"}}
    picture = tmp_path / "photo.png"
    picture.write_bytes(photo())
    with pytest.raises(RequestError, match="from 1 to 31"):
        await send(desk, OwnJob(request, {"photo.png": picture}))


async def test_a_file_that_is_gone_is_named_before_anything_is_created(
    desk: Desk, tmp_path: Path
) -> None:
    request = {"task": "blur", "inputs": {"image": "photo.png"}}
    with pytest.raises(JigDeskError, match=r"gone\.png cannot be read"):
        await send(desk, OwnJob(request, {"photo.png": tmp_path / "gone.png"}))
    assert (await desk.core.store.page("job-index/")).objects == ()


async def test_an_unknown_job_has_no_story(desk: Desk) -> None:
    assert await job_story(desk.core, "00000000-0000-4000-8000-000000000000") is None
