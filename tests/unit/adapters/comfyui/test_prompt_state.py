"""One prompt, frame by frame."""

from __future__ import annotations

import json
from typing import Any

import pytest

from jigdesk.adapters.comfyui import messages, protocol
from jigdesk.adapters.comfyui.prompt_state import Phase, PromptState
from jigdesk.domain.engine import (
    EngineEvent,
    EngineFile,
    NodeExecuted,
    NodeFinished,
    NodeOutput,
    NodeProgress,
    NodesCached,
    Preview,
    PromptStarted,
)
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_recordings import Frame

GRAPH = {node: {"class_type": "Any", "inputs": {}} for node in ("1", "2", "3", "57:8")}
JPEG = messages.PreviewImage("image/jpeg", b"jpeg")


def state(
    node: str, status: str, value: float | None = 0, most: float | None = 1, **ids: str | None
) -> messages.NodeState:
    return messages.NodeState(
        node,
        ids.get("display", node),
        ids.get("parent"),
        ids.get("real", node),
        status,
        value,
        most,
    )


def feed(follower: PromptState, *said: messages.ServerMessage) -> list[EngineEvent]:
    return [event for message in said for event in follower.feed(message)]


def started() -> PromptState:
    follower = PromptState("p", GRAPH)
    assert feed(follower, messages.ExecutionStart("p")) == [PromptStarted()]
    return follower


def replay(frames: list[Frame], prompt_id: str, graph: dict[str, Any]) -> list[EngineEvent]:
    follower = PromptState(prompt_id, graph)
    events = []
    for frame in frames:
        raw = frame.payload if isinstance(frame.payload, bytes) else json.dumps(frame.payload)
        events += follower.feed(protocol.parse_frame(raw))
    assert follower.phase is Phase.LEFT
    return events


def test_a_recorded_run_in_full() -> None:
    recording = recordings.load("image_success")
    events = replay(recording.frames, recording.prompt_id, recording.graph)
    temp = EngineFile("ComfyUI_temp_gffmu_00001_.png", "", "temp")
    result = EngineFile("blur_00001_.png", "rec", "output")
    assert events == [
        PromptStarted(),
        NodeProgress("1", None, None),
        NodeFinished("1"),
        NodeProgress("4", None, None),
        NodeExecuted(NodeOutput("4", (("images", temp),))),
        NodeFinished("4"),
        NodeProgress("2", None, None),
        NodeFinished("2"),
        NodeProgress("3", None, None),
        NodeExecuted(NodeOutput("3", (("images", result),))),
        NodeFinished("3"),
    ]


def test_a_recorded_cached_run_in_full() -> None:
    recording = recordings.load("image_cached")
    events = replay(recording.frames, recording.prompt_id, recording.graph)
    assert events[:2] == [PromptStarted(), NodesCached(("1", "2", "3", "4"))]
    assert [type(event) for event in events[2:]] == [NodeExecuted, NodeExecuted]


def test_recorded_steps_come_once_though_two_frames_report_each() -> None:
    recording = recordings.load("ksampler")
    events = replay(recording.frames, recording.prompt_id, recording.graph)
    steps = [event for event in events if isinstance(event, NodeProgress) and event.node == "4"]
    assert [step.value for step in steps] == [None, 1, 2, 3, 4, 5, 6]
    previews = [event for event in events if isinstance(event, Preview)]
    assert [preview.node for preview in previews] == ["4"] * 6


def test_two_recorded_prompts_of_one_client_stay_apart() -> None:
    data = recordings.load("queue_delete_interrupt").data
    graph = data["queue"]["queue_running"][0][2]
    first, second = data["ids"][0], data["queue"]["queue_pending"][0][1]
    frames = recordings.load("queue_delete_interrupt").frames
    for prompt_id, previews in ((first, 4), (second, 0)):
        events = replay(frames, prompt_id, graph)
        assert events[0] == PromptStarted()
        assert sum(isinstance(event, Preview) for event in events) == previews


def test_after_a_recorded_reconnect_the_greeting_goes_to_the_prompt_that_runs() -> None:
    data = recordings.load("reconnect_same_client").data
    (prompt_id,) = data["history"]
    graph = data["history"][prompt_id]["prompt"][2]
    running, waiting = PromptState(prompt_id, graph), PromptState("other", graph)
    for part in ("before", "after"):
        for row in data[part]:
            if "text" in row:
                message = protocol.parse_text(json.dumps(row["text"]))
                running.feed(message)
                assert waiting.feed(message) == ()
    assert (running.phase, waiting.phase) == (Phase.LEFT, Phase.WAITING)


def test_a_greeting_names_the_node_of_an_adopted_prompt() -> None:
    follower = PromptState("p", GRAPH)
    assert feed(follower, messages.Executing(None, "2", None)) == []
    assert follower.note_running("2") == (PromptStarted(), NodeProgress("2", None, None))
    assert follower.note_running("2") == ()
    assert feed(follower, JPEG) == [Preview("2", "image/jpeg", b"jpeg")]


def test_a_greeting_does_not_set_a_node_back() -> None:
    follower = started()
    feed(follower, messages.Progress("p", "2", 3, 9))
    assert feed(follower, messages.Executing(None, "2", None)) == []


def test_a_preview_without_ids_belongs_to_the_node_that_runs() -> None:
    follower = started()
    assert feed(follower, JPEG) == [Preview(None, "image/jpeg", b"jpeg")]
    feed(follower, messages.Executing("p", "1", "1"))
    assert feed(follower, JPEG) == [Preview("1", "image/jpeg", b"jpeg")]
    feed(follower, messages.ProgressState("p", (state("1", "finished"),)))
    assert feed(follower, JPEG) == [Preview(None, "image/jpeg", b"jpeg")]


def test_a_preview_before_the_start_is_somebody_elses() -> None:
    assert feed(PromptState("p", GRAPH), JPEG) == []


def test_another_prompts_start_means_that_this_one_left() -> None:
    follower = started()
    assert feed(follower, messages.ExecutionStart("q"), JPEG) == []
    assert follower.phase is Phase.LEFT


def test_another_prompts_start_means_nothing_to_one_that_waits() -> None:
    follower = PromptState("p", GRAPH)
    feed(follower, messages.ExecutionStart("q"))
    assert follower.phase is Phase.WAITING


@pytest.mark.parametrize(
    "ids",
    [
        {"display": "2", "real": "x", "parent": "y"},
        {"display": "x", "real": "2", "parent": "y"},
        {"display": None, "real": None, "parent": "2"},
        {"display": None, "real": None, "parent": None},
    ],
)
def test_an_expanded_node_reports_for_the_submitted_one(ids: dict[str, str | None]) -> None:
    follower = started()
    inner = "2.0.0.5"
    moving = messages.ProgressState("p", (state(inner, "running", 2, 8, **ids),))
    assert feed(follower, moving) == [NodeProgress("2", 2, 8)]
    ended = messages.ProgressState("p", (state(inner, "finished", 8, 8, **ids),))
    assert feed(follower, ended) == []  # the node itself is not done
    outer = messages.ProgressState("p", (state("2", "finished"),))
    assert feed(follower, outer) == [NodeFinished("2")]


def test_a_subgraphs_node_has_its_own_id_in_the_graph() -> None:
    follower = started()
    running = messages.ProgressState("p", (state("57:8", "running", 1, 4, display="57"),))
    assert feed(follower, running) == [NodeProgress("57:8", 1, 4)]


def test_a_node_that_nobody_submitted_is_left_out() -> None:
    follower = started()
    said = (
        messages.ProgressState("p", (state("99", "running", 1, 4),)),
        messages.Executing("p", "99", "99"),
        messages.Executed("p", "99", None, {"images": [{"filename": "a.png"}]}),
        messages.ExecutionCached("p", ("99",)),
    )
    assert feed(follower, *said) == []


def test_servers_without_progress_state_still_tell_when_a_node_is_done() -> None:
    follower = started()
    assert feed(
        follower,
        messages.Executing("p", "1", None),
        messages.Progress("p", "1", 1, 2),
        messages.Executing("p", "2", None),
        messages.Executing("p", None, None),
    ) == [
        NodeProgress("1", None, None),
        NodeProgress("1", 1, 2),
        NodeFinished("1"),
        NodeProgress("2", None, None),
        NodeFinished("2"),
    ]


def test_a_node_that_failed_is_not_finished() -> None:
    follower = started()
    error = messages.ExecutionError("p", "1", "Any", "ValueError", "no", "")
    events = feed(
        follower, messages.Executing("p", "1", None), error, messages.Executing("p", None, None)
    )
    assert NodeFinished("1") not in events
    assert follower.failure == error
    assert follower.phase is Phase.LEFT


def test_an_interruption_is_remembered() -> None:
    follower = started()
    feed(follower, messages.ExecutionInterrupted("p", "1", "Any"))
    assert (follower.phase, follower.interrupted, follower.failure) == (Phase.ENDING, True, None)


def test_a_blocked_branch_ends_nothing() -> None:
    follower = started()
    feed(follower, messages.ExecutionError("p", "1", "Any", "ExecutionBlocked", "", ""))
    assert (follower.phase, follower.failure) == (Phase.RUNNING, None)


def test_nothing_is_told_after_the_end() -> None:
    follower = started()
    feed(follower, messages.Executing("p", None, None))
    late = messages.Progress("p", "1", 1, 2)
    assert feed(follower, late, JPEG, messages.ExecutionStart("p")) == []


@pytest.mark.parametrize(("value", "most"), [(None, 4), (3, None), (3, 0), (3, -1)])
def test_progress_without_a_measure_is_unknown(value: float | None, most: float | None) -> None:
    follower = started()
    said = messages.ProgressState("p", (state("1", "running", value, most),))
    assert feed(follower, said) == [NodeProgress("1", None, None)]


def test_results_of_one_node_are_told_once() -> None:
    follower = started()
    said = messages.Executed("p", "1", "1", {"images": [{"filename": "a.png"}]})
    assert len(feed(follower, said, said)) == 1
