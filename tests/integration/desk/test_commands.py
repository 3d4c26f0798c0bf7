"""Cancel, retry, pause and the rest, in every state of a job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from jigdesk.domain.check import Check
from jigdesk.domain.errors import RequestError
from jigdesk.domain.job import JobStatus
from jigdesk.services import stopping
from tests.harness.browser import BLUR, chain, refine
from tests.harness.pictures import photo
from tests.harness.waiting import eventually
from tests.harness.webhooks import created, send
from tests.integration.desk.conftest import Desk, running_desk

FILES = {"photo.png": photo()}


async def _status(desk: Desk, job_id: str, *wanted: JobStatus) -> None:
    await desk.reached(job_id, *wanted)


async def test_cancelling_the_running_job_spares_the_one_that_waits(desk: Desk) -> None:
    running = await desk.browser.submit(refine(100), FILES)
    waiting = await desk.browser.submit(BLUR, FILES)
    await _status(desk, running, JobStatus.RUNNING)
    status, answer = await desk.browser.command(running, "cancel")
    assert (status, answer["status"]) == (202, "cancelled")
    assert (await desk.browser.watch(waiting))[-1].name == "job_done"
    heard = await desk.browser.watch(running)
    assert (heard[-1].name, heard[-1].data["code"]) == ("job_error", "cancelled")
    await desk.settled()
    assert desk.document(f"outputs/{running}/error.json")["code"] == "cancelled"
    assert desk.document(f"jobs/{running}/status.json")["status"] == "cancelled"


async def test_an_engine_that_does_not_stop_is_told_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stopping, "OVERDUE_S", 0.5)
    monkeypatch.setenv("JIGDESK_DEMO_FAULT", "hang")
    async with running_desk(tmp_path) as desk:
        job_id = await desk.browser.submit(refine(2), FILES)
        await _status(desk, job_id, JobStatus.RUNNING)
        while not desk.core.engine.client.status.queue_remaining:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        assert (await _engine_check(desk)).level == "ok"
        await desk.browser.command(job_id, "cancel")
        while (check := await _engine_check(desk)).level != "warning":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert "cancelled" in check.message
        assert "jigdesk comfyui restart" in (check.remedy or "")

        await desk.core.control.engine("restart")
        following = await desk.browser.submit(BLUR, FILES)
        assert (await desk.browser.watch(following))[-1].name == "job_done"
        while (await _engine_check(desk)).level != "ok":  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _engine_check(desk: Desk) -> Check:
    return next(check for check in await desk.core.control.health() if check.name == "engine")


async def test_cancelling_a_job_that_waits_spares_the_one_that_runs(desk: Desk) -> None:
    await desk.core.control.pause("until both are prepared")
    running = await desk.browser.submit(refine(50), FILES)
    waiting = await desk.browser.submit(refine(51), FILES)
    for job_id in (running, waiting):
        await _status(desk, job_id, JobStatus.QUEUED)
    await desk.core.control.resume()
    await _status(desk, running, JobStatus.RUNNING)
    await desk.browser.command(waiting, "cancel")
    assert (await desk.browser.watch(running))[-1].name == "job_done"
    assert (await desk.browser.watch(waiting))[-1].data["code"] == "cancelled"


@pytest.mark.parametrize(
    "state",
    [
        JobStatus.ACCEPTED,
        JobStatus.PREPARING,
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        JobStatus.UPLOADING,
        JobStatus.CONFIRMING,
    ],
)
async def test_a_job_cancelled_in_any_state_ends_once_and_can_be_tried_again(
    desk: Desk, state: JobStatus
) -> None:
    job_id = await desk.browser.submit(chain(3), FILES)
    after = [s for s in JobStatus if list(JobStatus).index(s) >= list(JobStatus).index(state)]
    await _status(desk, job_id, *after)
    status, answer = await desk.browser.command(job_id, "cancel")
    job = await desk.core.journal.job(job_id)
    assert job is not None
    if status == 409:  # it was quicker
        assert job.status is JobStatus.COMPLETED
        return
    assert (status, answer["status"]) == (202, "cancelled")
    again, _ = await desk.browser.command(job_id, "cancel")
    assert again == 202  # it is what the caller wants already
    status, answer = await desk.browser.command(job_id, "retry")
    assert (status, answer["status"]) == (202, "accepted")
    await _status(desk, job_id, JobStatus.COMPLETED)
    await desk.settled()
    assert desk.document(f"outputs/{job_id}/output.json")["attempt"] == 2
    assert not (desk.bucket / f"outputs/{job_id}/error.json").exists()
    attempts = await desk.core.journal.attempts(job_id)
    assert [(a.attempt, a.status) for a in attempts] == [
        (1, JobStatus.CANCELLED),
        (2, JobStatus.COMPLETED),
    ]
    names = [event.name for event in await desk.core.journal.events(job_id)]
    assert names.count("job:completed") == 1


async def test_a_job_that_has_not_ended_is_not_tried_again(desk: Desk) -> None:
    job_id = await desk.browser.submit(refine(100), FILES)
    await _status(desk, job_id, JobStatus.RUNNING)
    status, answer = await desk.browser.command(job_id, "retry")
    assert (status, answer["error"]["code"]) == (409, "conflict")
    await desk.browser.command(job_id, "cancel")


async def test_a_completed_job_cannot_be_cancelled(desk: Desk) -> None:
    job_id = await desk.browser.submit(BLUR, FILES)
    await desk.browser.watch(job_id)
    status, answer = await desk.browser.command(job_id, "cancel")
    assert (status, answer["error"]["code"]) == (409, "conflict")


async def test_a_retry_keeps_what_was_finished_and_drawn(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        job_id = await desk.browser.submit(
            {
                "stages": [
                    {**chain(3)["stages"][0], "workflow": "blur", "params": {"radius": 2}},
                    {
                        "name": "slow",
                        "workflow": "refine",
                        "params": {"steps": 100},
                        "inputs": {"image": {"stage": "fine"}},
                    },
                ]
            },
            FILES,
        )
        while len(await desk.core.journal.stage_runs(job_id)) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await desk.browser.command(job_id, "cancel")
        first = await desk.core.journal.stage_runs(job_id)
        await desk.browser.command(job_id, "retry")
        await _status(desk, job_id, JobStatus.COMPLETED)
        second = await desk.core.journal.stage_runs(job_id)
        assert second[0].attempt == 1  # the blur did not run again
        assert first[0].prompt_id == second[0].prompt_id
        assert second[1].attempt == 2
        files = desk.document(f"outputs/{job_id}/output.json")["files"]
        assert [file["stage"] for file in files] == ["fine", "slow"]


async def test_a_paused_queue_accepts_and_holds(desk: Desk) -> None:
    await desk.core.control.pause("lunch")
    job_id = await desk.browser.submit(BLUR, FILES)
    await _status(desk, job_id, JobStatus.QUEUED)
    assert desk.core.work.queue.running == 0
    state = await desk.core.control.queue()
    assert (state["paused"], state["accepting"]) == ("lunch", True)
    await desk.core.control.resume()
    assert (await desk.browser.watch(job_id))[-1].name == "job_done"


async def test_a_pause_survives_a_restart(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home") as desk:
        await desk.core.control.pause("lunch")
        job_id = await desk.browser.submit(BLUR, FILES)
        await _status(desk, job_id, JobStatus.QUEUED)
    async with running_desk(tmp_path / "home") as desk:
        assert desk.core.work.queue.paused == "lunch"
        await desk.core.control.resume()
        await _status(desk, job_id, JobStatus.COMPLETED)


async def test_a_draining_desk_refuses_with_503_and_finishes_what_it_has(desk: Desk) -> None:
    job_id = await desk.browser.submit(refine(75), FILES)
    await _status(desk, job_id, JobStatus.RUNNING)
    await desk.core.control.drain()
    secret = (desk.home / "state" / "webhook.secret").read_text().strip()
    url = desk.core.public_url_local
    other = created("7d1f0c3e-2b1a-4c55-9d3e-8a1b2c3d4ee2")
    status, _ = await send(desk.browser.http, url, secret, "job-created", other)
    assert status == 503
    known = created(job_id)
    status, answer = await send(desk.browser.http, url, secret, "job-created", known)
    assert (status, answer["duplicate"]) == (200, True)
    async with desk.browser.http.get(f"{url}/readyz") as ready:
        assert ready.status == 503
    assert (await desk.browser.watch(job_id))[-1].name == "job_done"
    host = f"hosts/{desk.core.host_id}.json"
    await eventually(lambda: desk.document(host)["state"] == "draining")
    assert desk.document(host)["accepting"] is False


async def test_a_full_queue_answers_503(tmp_path: Path) -> None:
    async with running_desk(tmp_path / "home", JIGDESK_QUEUE__MAX_DEPTH="1") as desk:
        job_id = await desk.browser.submit(refine(100), FILES)
        await _status(desk, job_id, JobStatus.RUNNING)
        secret = (desk.home / "state" / "webhook.secret").read_text().strip()
        other = created("7d1f0c3e-2b1a-4c55-9d3e-8a1b2c3d4ee2")
        status, answer = await send(
            desk.browser.http, desk.core.public_url_local, secret, "job-created", other
        )
        assert (status, answer["error"]["code"]) == (503, "unavailable")


async def test_a_prioritised_job_runs_next(desk: Desk) -> None:
    await desk.core.control.pause("lining up")
    jobs = [await desk.browser.submit(refine(2 + i), FILES) for i in range(3)]
    for job_id in jobs:
        await _status(desk, job_id, JobStatus.QUEUED)
    await desk.core.control.prioritise(jobs[2])
    assert desk.core.work.queue.position(jobs[2]) == 1
    await desk.core.control.resume()
    for job_id in jobs:
        await _status(desk, job_id, JobStatus.COMPLETED)
    done = [await desk.core.journal.job(job_id) for job_id in jobs]
    started = [job.started_at for job in done if job and job.started_at]
    assert started[2] < started[0] < started[1]
    with pytest.raises(RequestError):
        await desk.core.control.prioritise(jobs[0])
