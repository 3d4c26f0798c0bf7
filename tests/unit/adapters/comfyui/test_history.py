"""How prompts ended, from the history of a real server and from histories that lie."""

from __future__ import annotations

from typing import Any

import pytest

from jigdesk.adapters.comfyui.history import Failed, Interrupted, Succeeded, read_outcome
from jigdesk.domain.engine import EngineFile
from tests.fakes import comfyui_recordings as recordings

ENTRIES = [
    pytest.param(entry, id=f"{name}-{prompt_id[:8]}")
    for name in recordings.names()
    for prompt_id, entry in recordings.load(name).data.get("history", {}).items()
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_recorded_entry_is_read(entry: dict[str, Any]) -> None:
    outcome = read_outcome(entry, entry["prompt"][2])
    last = entry["status"]["messages"][-1][0]
    expected = {
        "execution_success": Succeeded,
        "execution_error": Failed,
        "execution_interrupted": Interrupted,
    }
    assert type(outcome) is expected[last]
    if isinstance(outcome, Succeeded):
        assert set(outcome.outputs) == set(entry["outputs"])


def entry_of(*messages: list[Any], status: str = "success", **fields: Any) -> dict[str, Any]:
    return {
        "outputs": {},
        "status": {
            "status_str": status,
            "completed": status == "success",
            "messages": list(messages),
        },
        **fields,
    }


def error(kind: str) -> list[Any]:
    return [
        "execution_error",
        {
            "prompt_id": "p",
            "node_id": 7,
            "node_type": "Any",
            "exception_type": kind,
            "exception_message": "no",
            "traceback": ["one\n", "two\n"],
        },
    ]


def test_messages_win_over_a_status_that_lies() -> None:
    outcome = read_outcome(entry_of(error("ValueError"), status="success"), {})
    assert outcome == Failed("7", "Any", "ValueError", "no", "one\ntwo\n")
    done = read_outcome(entry_of(["execution_success", {}], status="error"), {})
    assert done == Succeeded({})


def test_a_blocked_branch_is_no_failure() -> None:
    blocked, success = error("ExecutionBlocked"), ["execution_success", {}]
    for messages in ([blocked, success], [success, blocked]):
        assert read_outcome(entry_of(*messages, status="error"), {}) == Succeeded({})


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"status": None},
        {"status": "success"},
        {"status": {"messages": "execution_success"}},
        {"status": {"messages": [["execution_success"], "x", [1, {}], ["execution_start", {}]]}},
        {"status": {"status_str": "success", "completed": False, "messages": []}},
        entry_of(["execution_error", {}]),
    ],
)
def test_an_entry_that_does_not_say_how_it_ended_is_not_done(entry: dict[str, Any]) -> None:
    assert isinstance(read_outcome(entry, {}), Failed)


def test_without_messages_a_completed_success_is_believed() -> None:
    assert isinstance(read_outcome(entry_of(), {}), Succeeded)


def outputs_of(outputs: dict[str, Any], meta: Any = None, graph: Any = None) -> Any:
    entry = entry_of(["execution_success", {}], outputs=outputs, meta=meta)
    outcome = read_outcome(entry, graph or {"1": {}, "2": {}})
    assert isinstance(outcome, Succeeded)
    return outcome.outputs


def test_every_kind_of_list_is_read_with_its_name_and_subfolder() -> None:
    file = {"filename": "a.bin", "subfolder": "deep/er", "type": "temp"}
    kinds = ["images", "gifs", "audio", "3d", "latents", "my_own"]
    (output,) = outputs_of({"1": {kind: [file] for kind in kinds} | {"text": ["x", "y"]}}).values()
    assert output.files == tuple((kind, EngineFile("a.bin", "deep/er", "temp")) for kind in kinds)
    assert output.texts == ("x", "y")
    assert not output.animated


def test_what_is_no_file_is_left_out() -> None:
    raw = {
        "images": [None, 3, "text", {"filename": 3}, {"filename": ""}, {"subfolder": "x"}],
        "gifs": [{"filename": "a.gif", "subfolder": 3}, {"filename": "b.gif", "type": "secret"}],
        "video": [
            {"filename": "c.mp4", "type": ["output"]},
            {"filename": "d.mp4", "type": {"a": 1}},
        ],
        "animated": [False],
        "text": "alone",
        "numbers": [1, 2],
    }
    (output,) = outputs_of({"1": raw}).values()
    assert output.files == ()
    assert output.texts == ("alone",)


def test_expanded_nodes_report_for_the_submitted_one() -> None:
    def image(name: str) -> dict[str, Any]:
        return {"images": [{"filename": name, "subfolder": "", "type": "output"}]}

    outputs = outputs_of(
        {"2.0.0.1": image("a"), "2.0.0.2": image("b") | {"animated": [True]}, "1": image("c")},
        meta={"2.0.0.1": {"display_node": "2"}, "2.0.0.2": {"real_node_id": "2"}, "1": None},
    )
    assert [file.filename for _, file in outputs["2"].files] == ["a", "b"]
    assert outputs["2"].animated
    assert [file.filename for _, file in outputs["1"].files] == ["c"]


def test_no_file_is_dropped_for_want_of_a_known_node() -> None:
    outputs = outputs_of({"99": {"images": [{"filename": "a.png"}]}}, meta=[])
    assert outputs["99"].files == (("images", EngineFile("a.png", "", "output")),)
