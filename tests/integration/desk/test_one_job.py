"""One job from the browser's first call to its results."""

import hashlib
import io

from PIL import Image

from tests.harness.browser import chain, refine
from tests.harness.pictures import photo
from tests.integration.desk.conftest import Desk


async def test_a_two_stage_job_completes_and_leaves_every_document(desk: Desk) -> None:
    picture = photo(64, 48)
    job_id = await desk.browser.submit(chain(75), {"photo.png": picture})
    heard = await desk.browser.watch(job_id)

    names = [one.name for one in heard]
    assert names[0] == "job:inputs"
    assert names[-2:] == ["job:completed", "job_done"]
    assert names.count("job:completed") == 1
    seqs = [one.seq for one in heard]
    assert seqs == sorted(set(seqs))
    assert all(one.data["job_id"] == job_id and one.data["seq"] == one.seq for one in heard)
    statuses = [one.data["status"] for one in heard if "status" in one.data]
    order = ["accepted", "preparing", "queued", "running", "uploading", "confirming"]
    assert list(dict.fromkeys(statuses)) == order
    shown = [one.data["progress"] for one in heard if one.name == "job:progress"]
    known = [value for value in shown if value is not None]
    assert known == sorted(known)
    titles = {one.data.get("node_title") for one in heard if one.name == "job:progress"}
    assert "Refine" in titles

    await desk.settled()
    status = desk.document(f"jobs/{job_id}/status.json")
    assert status["status"] == "completed"
    assert status["progress"] == 1
    assert status["seq"] == heard[-1].seq
    assert status["version"] == 1
    state = desk.document(f"jobs/{job_id}/state.json")
    assert state["host_id"] == desk.core.host_id
    assert state["stages_done"] == ["fine", "big"]
    manifest = desk.document(f"jobs/{job_id}/manifest.json")
    assert manifest["stages"][0]["inputs"]["image"]["sha256"] == hashlib.sha256(picture).hexdigest()
    graph = desk.document(f"jobs/{job_id}/graph.json")
    assert [stage["name"] for stage in graph["stages"]] == ["fine", "big"]
    assert graph["branch_of"] is None

    output = desk.document(f"outputs/{job_id}/output.json")
    assert output["attempt"] == 1
    assert set(output["timings"]) == {"queued_s", "load_s", "run_s", "upload_s"}
    big = output["files"][1]
    assert big["key"] == f"outputs/{job_id}/big/result.png"
    assert (big["width"], big["height"], big["kind"]) == (128, 96, "image")
    stored = (desk.bucket / big["key"]).read_bytes()
    assert hashlib.sha256(stored).hexdigest() == big["sha256"]
    assert len(stored) == big["size_bytes"]
    assert not (desk.bucket / f"outputs/{job_id}/error.json").exists()

    shown_job = await desk.browser.job(job_id)
    assert shown_job["status"] == "completed"
    async with desk.browser.http.get(shown_job["files"][1]["url"]) as answer:
        assert answer.status == 200
        assert Image.open(io.BytesIO(await answer.read())).size == (128, 96)


async def test_only_results_and_inputs_lie_where_the_lambdas_look(desk: Desk) -> None:
    job_id = await desk.browser.submit(chain(2), {"photo.png": photo()})
    await desk.browser.watch(job_id)
    await desk.settled()
    keys = desk.files_of(job_id)
    assert {key for key in keys if key.startswith("inputs/")} == {
        f"inputs/{job_id}/photo.png",
        f"inputs/{job_id}/request.json",
    }
    assert {key for key in keys if key.startswith("outputs/")} == {
        f"outputs/{job_id}/fine/result.png",
        f"outputs/{job_id}/big/result.png",
        f"outputs/{job_id}/output.json",
    }


async def test_the_manifest_may_come_first(desk: Desk) -> None:
    files = {"photo.png": photo()}
    created = await desk.browser.create(chain(2), files)
    await desk.browser.send_manifest(created, chain(2))
    assert (await desk.browser.job(created["job_id"]))["status"] is None
    await desk.browser.upload(created, files)
    heard = await desk.browser.watch(created["job_id"])
    assert heard[-1].name == "job_done"


async def test_equal_jobs_have_files_of_their_own_and_spare_the_engine(desk: Desk) -> None:
    files = {"photo.png": photo()}
    jobs = []
    for _ in range(2):  # like ComfyUI, the engine keeps what the last prompt made
        jobs.append(await desk.browser.submit(refine(3), files))
        await desk.browser.watch(jobs[-1])
    for job_id in jobs:
        assert (desk.bucket / f"outputs/{job_id}/refine/result.png").is_file()
    (run,) = await desk.core.journal.stage_runs(jobs[1])
    assert run.nodes["2"]["state"] == "cached"
    assert run.nodes["3"]["state"] == "done"  # the save ran again


async def test_a_stream_that_reconnects_misses_nothing(desk: Desk) -> None:
    job_id = await desk.browser.submit(chain(), {"photo.png": photo()})
    first = []
    async for heard in desk.browser.events(job_id):
        first.append(heard)
        if heard.name == "job:accepted":
            break
    rest = [heard async for heard in desk.browser.events(job_id, first[-1].seq)]
    assert rest[0].seq > first[-1].seq
    assert rest[-1].name == "job_done"
    assert [one.seq for one in await desk.browser.watch(job_id)][-1] == rest[-1].seq
