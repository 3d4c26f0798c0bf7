"""Why a job that is under way does not go on."""

from __future__ import annotations

from typing import Any

import pytest

from jigdesk.domain.job import JobStatus
from tests.ui.jobs import a_job
from ui.figures import Figures
from ui.inspector.waiting import waits_for


def figures(engine: dict[str, Any], paused: str | None = None) -> Figures:
    return Figures({}, 0, {}, 1, 1, (), paused, None, None, 0, 0, engine, None)


READY = figures({"status": "ready", "connected": True})


@pytest.mark.parametrize("status", list(JobStatus))
def test_a_job_goes_on_while_the_engine_runs_and_nothing_holds_the_queue(status: JobStatus) -> None:
    assert waits_for(a_job(status), READY) == ""
    assert waits_for(a_job(status), None) == ""


def test_a_running_job_waits_for_an_engine_that_is_away() -> None:
    job = a_job(JobStatus.RUNNING)
    for status, words in (("stopped", "is stopped."), ("restarting", "starts again soon.")):
        assert waits_for(job, figures({"status": status})).endswith(words)
    assert "does not answer" in waits_for(job, figures({"connected": False}))
    assert waits_for(job, figures({"connected": True})) == ""
    assert waits_for(a_job(JobStatus.COMPLETED), figures({"status": "failed"})) == ""


def test_a_queued_job_is_held_for_the_reason_of_the_hold() -> None:
    held = figures({"status": "stopped"}, "Quiet hours until 07:00.")
    assert waits_for(a_job(JobStatus.QUEUED), held) == "Held: Quiet hours until 07:00."
    assert waits_for(a_job(JobStatus.QUEUED), figures({"status": "failed"})).endswith("has failed.")
    assert waits_for(a_job(JobStatus.UPLOADING), held) == ""
