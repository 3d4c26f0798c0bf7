"""When a waiting job begins: from learned times, counted down, and empty while unknown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.waiting import Wait
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import NOW, a_job, chain, send
from ui.queue.cells import cell_explained, cell_words
from ui.queue.columns import Column

PATIENCE_MS = 180_000
QUEUED = a_job(JobStatus.QUEUED, message="Waiting for a free slot.")


def test_a_waiting_job_says_when_it_starts_and_when_it_has_run() -> None:
    wait = Wait(130.0, 190.4)
    assert cell_words(QUEUED, Column.PROGRESS, NOW, wait=wait) == "starts in ~2 min"
    assert cell_words(QUEUED, Column.ETA, NOW, wait=wait) == "3:10"
    assert cell_explained(QUEUED, Column.ETA, NOW, wait) == (
        "Starts in ~2 min and has run in ~3 min, by what jobs usually take here"
    )
    assert cell_words(QUEUED, Column.PROGRESS, NOW, wait=Wait(3.0, None)) == ("starts in < 1 min")


def test_what_is_not_known_stays_empty() -> None:
    assert cell_words(QUEUED, Column.ETA, NOW) == ""
    assert cell_words(QUEUED, Column.ETA, NOW, wait=Wait(3.0, None)) == ""
    assert cell_words(QUEUED, Column.PROGRESS, NOW) == "Waiting for a free slot"
    assert cell_explained(QUEUED, Column.ETA, NOW) is None


def test_a_running_job_keeps_its_own_eta() -> None:
    running = a_job(JobStatus.RUNNING, eta_s=30.0)
    assert cell_words(running, Column.ETA, NOW + timedelta(seconds=10), wait=Wait(1, 2)) == "0:20"


@pytest.fixture
def slow_desk(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> OpenDesk:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "1")
    desk: OpenDesk = request.getfixturevalue("desk")
    return desk


def test_the_line_is_timed_by_what_was_learned_and_not_while_it_is_paused(
    slow_desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    desk, model = slow_desk, slow_desk.page.model

    def job_of(job_id: str) -> Job | None:
        row = model.row_of(job_id)
        return None if row is None else model.job(row)

    def status(job_id: str) -> JobStatus | None:
        job = job_of(job_id)
        return None if job is None else job.status

    first = send(desk, chain(steps=1), tmp_path)
    qtbot.waitUntil(lambda: status(first) is JobStatus.COMPLETED, timeout=PATIENCE_MS)
    # far longer than this test: the line stands still while it is looked at
    line = [send(desk, chain(steps=100), tmp_path) for _ in range(3)]
    qtbot.waitUntil(
        lambda: sum(status(job_id) is JobStatus.QUEUED for job_id in line) == 2,
        timeout=PATIENCE_MS,
    )

    def told(job_id: str) -> Wait | None:
        job = job_of(job_id)
        return None if job is None or job.status is not JobStatus.QUEUED else model.told.wait(job)

    waiting = [job_id for job_id in line if status(job_id) is JobStatus.QUEUED]
    waiting.sort(key=lambda job_id: desk.core.work.queue.position(job_id) or 0)
    qtbot.waitUntil(lambda: all(told(job_id) for job_id in waiting), timeout=PATIENCE_MS)
    one, two = (told(job_id) for job_id in waiting)
    assert one is not None
    assert two is not None
    assert one.ends_s is not None
    assert one.starts_s <= one.ends_s <= two.starts_s + 1.0  # each second counts both down
    row = model.row_of(waiting[1])
    assert row is not None
    qtbot.waitUntil(
        lambda: str(model.data(model.index(row, Column.PROGRESS))).startswith("starts in "),
        timeout=PATIENCE_MS,
    )

    async def pause(core: Core) -> None:
        await core.control.pause("A test.")

    desk.thread.submit(pause).result(90)
    desk.bridge.look_soon()
    qtbot.waitUntil(lambda: told(waiting[0]) is None, timeout=PATIENCE_MS)
    assert model.data(model.index(row, Column.ETA)) == ""
    assert model.data(model.index(row, Column.PROGRESS)) == "the queue is held"
    desk.thread.submit(lambda core: core.control.resume()).result(90)
    desk.bridge.look_soon()
    qtbot.waitUntil(
        lambda: model.data(model.index(row, Column.PROGRESS)) != "the queue is held",
        timeout=PATIENCE_MS,
    )
