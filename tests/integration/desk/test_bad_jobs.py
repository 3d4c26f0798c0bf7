"""Bad manifests and bad files: each ends with the contract's code, and disturbs nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from jigdesk.domain.job import JobStatus
from tests.harness.bad_manifests import BAD_MANIFESTS, OVER_1_MIB, stage, stages
from tests.harness.browser import BLUR, CLIENT, Heard
from tests.harness.pictures import bomb, photo
from tests.harness.webhooks import created, send
from tests.integration.desk.conftest import Desk


async def _send_by_hand(desk: Desk, manifest: bytes | None, files: dict[str, bytes]) -> str:
    """Put a job into the bucket as anybody with its credentials could, and announce it."""
    job_id = str(uuid.uuid4())
    folder = desk.bucket / "inputs" / job_id
    folder.mkdir(parents=True)
    for name, body in files.items():
        (folder / name).write_bytes(body)
    if manifest is not None:
        (folder / "request.json").write_bytes(manifest)
    secret = (desk.home / "state" / "webhook.secret").read_text().strip()
    status, answer = await send(
        desk.browser.http, desk.core.public_url_local, secret, "job-created", created(job_id)
    )
    assert (status, answer["duplicate"]) == (202, False)
    return job_id


async def _end(desk: Desk, job_id: str) -> Heard:
    """Wait for the job's end by the journal: the stream belongs to owners only."""
    await desk.reached(job_id, *(status for status in JobStatus if status.is_final))
    events = await desk.core.journal.events(job_id)
    return Heard(events[-1].name, events[-1].seq, events[-1].data)


async def _refused(desk: Desk, manifest: bytes | dict[str, Any], code: str, **files: bytes) -> str:
    """The job fails with `code`; returns the message."""
    body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    named = {f"{name}.png": content for name, content in files.items()}
    job_id = await _send_by_hand(desk, body, named)
    end = await _end(desk, job_id)
    assert end.name == "job_error"
    assert end.data["code"] == code, end.data
    await desk.settled()
    error = desk.document(f"outputs/{job_id}/error.json")
    assert (error["code"], error["attempt"]) == (code, 1)
    assert error["message"] == end.data["message"]
    assert desk.document(f"jobs/{job_id}/status.json")["status"] == "failed"
    assert not (desk.bucket / f"outputs/{job_id}/output.json").exists()
    text = json.dumps(error)
    assert str(desk.home) not in text
    assert "Traceback" not in text
    return str(end.data["message"])


@pytest.mark.parametrize(
    ("manifest", "code", "says"),
    BAD_MANIFESTS,
)
async def test_a_bad_manifest_fails_at_once_and_says_why(
    desk: Desk, manifest: bytes | dict[str, Any], code: str, says: str
) -> None:
    assert says in await _refused(desk, manifest, code, photo=photo())


@pytest.mark.parametrize("manifest", [b"[" * 100_000, b"\xff{}", b'{"a": NaN}', b"[1]"])
async def test_the_owner_sees_a_job_whose_manifest_cannot_be_read(
    desk: Desk, manifest: bytes
) -> None:
    job_id = await _send_by_hand(desk, manifest, {})
    await _end(desk, job_id)
    token = (desk.home / "state" / "control.token").read_text().strip()
    url = f"{desk.core.local_url}/control/jobs/{job_id}"
    async with desk.browser.http.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status == 200
        job = await answer.json()
    assert (job["status"], job["manifests"]["request"]) == ("failed", None)


async def test_a_manifest_over_1_mib_is_refused(desk: Desk) -> None:
    assert "1,048,576" in await _refused(desk, OVER_1_MIB, "invalid_manifest", photo=photo())


async def test_no_manifest_at_all(desk: Desk) -> None:
    job_id = await _send_by_hand(desk, None, {"photo.png": photo()})
    end = await _end(desk, job_id)
    assert end.data["code"] == "invalid_manifest"
    assert "request.json" in end.data["message"]


async def test_a_picture_that_is_none(desk: Desk) -> None:
    says = await _refused(desk, stages(stage("a")), "validation_failed", photo=b"no picture")
    assert "photo.png" in says


async def test_a_truncated_picture(desk: Desk) -> None:
    body = photo(200, 200)
    await _refused(desk, stages(stage("a")), "validation_failed", photo=body[: len(body) // 2])


async def test_a_decompression_bomb(desk: Desk) -> None:
    says = await _refused(desk, stages(stage("a")), "input_too_large", photo=bomb())
    assert "pixels" in says


async def test_instructions_txt_is_read_where_there_is_no_request_json(desk: Desk) -> None:
    text = b"soft: blur --radius=5 --image photo.png  # soften\nupscale --scale 2 --image @soft\n"
    job_id = await _send_by_hand(desk, None, {"photo.png": photo(), "instructions.txt": text})
    end = await _end(desk, job_id)
    assert end.name == "job_done"
    keys = [file["key"] for file in end.data["files"]]
    assert keys == [f"outputs/{job_id}/soft/result.png", f"outputs/{job_id}/upscale/result.png"]


async def test_a_file_may_be_called_as_its_owner_likes(desk: Desk) -> None:
    name = f"holiday.{'x' * 240}"
    manifest = stages(stage("a", inputs={"image": name}))
    job_id = await _send_by_hand(desk, json.dumps(manifest).encode(), {name: photo()})
    assert (await _end(desk, job_id)).name == "job_done"


async def test_a_bad_line_of_instructions_is_named(desk: Desk) -> None:
    text = b"blur --image photo.png\nblur --radius 99\n"
    job_id = await _send_by_hand(desk, None, {"photo.png": photo(), "instructions.txt": text})
    end = await _end(desk, job_id)
    assert end.data["code"] == "invalid_parameter"
    assert "line 2" in end.data["message"].lower()


async def test_bad_jobs_beside_a_good_one_do_not_disturb_it(desk: Desk) -> None:
    bad = [await _send_by_hand(desk, b"{", {}) for _ in range(5)]
    good = await desk.browser.submit(BLUR, {"photo.png": photo()})
    bad += [await _send_by_hand(desk, b"{", {}) for _ in range(5)]
    assert (await desk.browser.watch(good))[-1].name == "job_done"
    assert {(await _end(desk, job_id)).name for job_id in bad} == {"job_error"}
    outside = [p for p in desk.home.parent.rglob("*") if "passwd" in p.name]
    assert outside == []


async def test_a_claimed_user_without_an_index_record_owns_nothing(desk: Desk) -> None:
    manifest = {**stages(stage("a")), "user_id": "somebody"}
    job_id = await _send_by_hand(desk, json.dumps(manifest).encode(), {"photo.png": photo()})
    await _end(desk, job_id)
    job = await desk.core.journal.job(job_id)
    assert job is not None
    assert job.owner_id is None
    manifest = {**stages(stage("a")), "client_id": CLIENT}
    job_id = await _send_by_hand(desk, json.dumps(manifest).encode(), {"photo.png": photo()})
    await _end(desk, job_id)
    job = await desk.core.journal.job(job_id)
    assert job is not None
    assert job.owner_id == f"client:{CLIENT}"


async def test_a_job_that_fails_early_still_says_whose_it_is_and_what_it_wanted(
    desk: Desk,
) -> None:
    manifest = {**stages(stage("a")), "client_id": CLIENT}
    job_id = await _send_by_hand(desk, json.dumps(manifest).encode(), {"photo.png": b"none"})
    await _end(desk, job_id)
    job = await desk.core.journal.job(job_id)
    assert job is not None
    assert (job.owner_id, job.workflow) == (f"client:{CLIENT}", "blur")
