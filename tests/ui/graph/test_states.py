"""What each node says, from the runs and the live row."""

from __future__ import annotations

import pytest

from jigdesk.domain.changes import StageState
from jigdesk.domain.errors import ErrorCode
from jigdesk.domain.job import Failure, JobStatus
from tests.ui.jobs import a_graph, a_job, a_run
from ui.graph.layout import lay_out
from ui.graph.states import node_states, took

LAYOUT = lay_out(a_graph("fine", "big"))
DONE = {"1": {"state": "cached", "seconds": 0.0}, "2": {"state": "done", "seconds": 38.2}}


def test_before_it_runs_everything_waits() -> None:
    states = node_states(LAYOUT, a_job(JobStatus.QUEUED), [])
    assert {state.line for state in states.values()} == {"waiting"}


def test_a_run_that_ended_tells_times_and_what_was_cached() -> None:
    run = a_run("fine", StageState.STORED, nodes=DONE)
    states = node_states(LAYOUT, a_job(stage="big"), [run])
    assert states["fine", "1"].line == "cached"
    assert states["fine", "2"].line == "38 s"
    assert states["fine", "3"].state == "done"  # it ended well, though its time is not known
    assert states["big", "1"].state == "waiting"


def test_what_the_running_node_needs_is_done() -> None:
    job = a_job(stage="fine", node="2", message="step 7/12")
    states = node_states(LAYOUT, job, [a_run("fine", StageState.POSTING)])
    assert [states["fine", node].line for node in "123"] == ["done", "step 7/12", "waiting"]


def test_a_node_that_was_seen_running_stays_done() -> None:
    job = a_job(stage="fine", node=None)
    runs = [a_run("fine", StageState.POSTING)]
    states = node_states(LAYOUT, job, runs, seen={("fine", "2")})
    assert states["fine", "2"].state == "done"


def test_the_run_of_an_earlier_attempt_does_not_run() -> None:
    job = a_job(JobStatus.FAILED, stage="fine", node="2", started_at=None)
    states = node_states(LAYOUT, job, [a_run("fine", StageState.POSTING)])
    assert states["fine", "2"].state == "not run"


def test_of_a_cancelled_job_one_node_was_stopped_and_the_rest_never_ran() -> None:
    job = a_job(JobStatus.CANCELLED, stage="fine", node="2")
    states = node_states(LAYOUT, job, [a_run("fine", StageState.POSTING)])
    assert [states["fine", node].line for node in "123"] == ["done", "stopped", "not run"]
    assert {states["big", node].line for node in "123"} == {"not run"}
    waited = node_states(LAYOUT, a_job(JobStatus.CANCELLED), [])
    assert {state.line for state in waited.values()} == {"not run"}


def test_the_failed_node_carries_the_message() -> None:
    failure = Failure(
        ErrorCode.EXECUTION_ERROR, "It broke.", False, stage="fine", node="2", node_title="Work"
    )
    job = a_job(JobStatus.FAILED, stage="fine", failure=failure)
    states = node_states(LAYOUT, job, [a_run("fine", StageState.FAILED)])
    assert states["fine", "1"].state == "done"
    assert (states["fine", "2"].state, states["fine", "2"].words) == ("failed", "It broke.")
    assert states["fine", "3"].state == "not run"
    assert states["big", "1"].state == "not run"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "< 0.1 s"), (0.44, "0.4 s"), (9.94, "9.9 s"), (38.4, "38 s"), (125.0, "2:05")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert took(seconds) == words
