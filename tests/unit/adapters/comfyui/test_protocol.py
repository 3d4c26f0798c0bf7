"""Every recorded frame parses to what it says, and no frame at all can raise."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.adapters.comfyui import messages, protocol
from tests.fakes import comfyui_recordings as recordings
from tests.fakes.comfyui_recordings import Frame

FRAMES = [
    pytest.param(frame, id=f"{name}-{index}") for name, index, frame in recordings.every_frame()
]
TYPES = {
    "status": messages.Status,
    "execution_start": messages.ExecutionStart,
    "execution_cached": messages.ExecutionCached,
    "execution_success": messages.ExecutionSuccess,
    "executing": messages.Executing,
    "progress": messages.Progress,
    "progress_state": messages.ProgressState,
    "executed": messages.Executed,
    "execution_error": messages.ExecutionError,
    "execution_interrupted": messages.ExecutionInterrupted,
    "feature_flags": messages.FeatureFlags,
}


def test_every_recording_is_there() -> None:
    assert len(recordings.names()) == 23
    assert len(FRAMES) == 428
    kinds = {frame.payload["type"] for _, _, frame in recordings.every_frame() if is_text(frame)}
    assert kinds == set(TYPES)


def is_text(frame: Frame) -> bool:
    return isinstance(frame.payload, dict)


@pytest.mark.parametrize("frame", FRAMES)
def test_a_recorded_frame_is_understood(frame: Frame) -> None:
    if isinstance(frame.payload, bytes):
        check_binary(frame.payload)
        return
    message = protocol.parse_frame(json.dumps(frame.payload))
    data = frame.payload["data"]
    assert type(message) is TYPES[frame.payload["type"]]
    assert getattr(message, "prompt_id", None) == data.get("prompt_id")
    if isinstance(message, messages.Status):
        assert message.queue_remaining == data["status"]["exec_info"]["queue_remaining"]
        assert message.sid == data.get("sid")
    elif isinstance(message, messages.ExecutionCached):
        assert list(message.nodes) == data["nodes"]
    elif isinstance(message, messages.Executing):
        assert (message.node, message.display_node) == (data["node"], data.get("display_node"))
    elif isinstance(message, messages.Progress):
        assert [message.node, message.value, message.maximum] == [
            data["node"],
            data["value"],
            data["max"],
        ]
    elif isinstance(message, messages.ProgressState):
        check_states(message, data["nodes"])
    elif isinstance(message, messages.Executed):
        assert (message.node, message.output) == (data["node"], data["output"])
    elif isinstance(message, messages.ExecutionError):
        assert message.exception_type == data["exception_type"]
        assert message.traceback == "".join(data["traceback"])
        assert message.is_fatal


def check_states(message: messages.ProgressState, nodes: dict[str, Any]) -> None:
    assert [state.node_id for state in message.nodes] == list(nodes)
    for state, raw in zip(message.nodes, nodes.values(), strict=True):
        assert (state.state, state.value, state.maximum) == (raw["state"], raw["value"], raw["max"])
        assert state.display_node_id == raw["display_node_id"]
        assert state.real_node_id == raw["real_node_id"]
        assert state.parent_node_id == raw["parent_node_id"]


def check_binary(payload: bytes) -> None:
    message = protocol.parse_frame(payload)
    assert isinstance(message, messages.PreviewImage)
    kind = struct.unpack(">I", payload[:4])[0]
    if kind == 1:
        expected = {1: "image/jpeg", 2: "image/png"}[struct.unpack(">I", payload[4:8])[0]]
        assert message == messages.PreviewImage(expected, payload[8:])
    else:
        length = struct.unpack(">I", payload[4:8])[0]
        meta = json.loads(payload[8 : 8 + length])
        assert message.content_type == meta["image_type"]
        assert message.data == payload[8 + length :]
        assert (message.prompt_id, message.node) == (meta["prompt_id"], meta["node_id"])
    magic = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG"}[message.content_type]
    assert message.data.startswith(magic) or not any(message.data)  # only the head was kept


def test_text_of_a_node() -> None:
    frame = struct.pack(">II", 3, 2) + b"12" + "½ done".encode()
    assert protocol.parse_binary(frame) == messages.NodeText("12", "½ done")


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">I", 2) + b"raw",
        struct.pack(">II", 1, 9) + b"gif",
        struct.pack(">I", 77),
        '{"type": "crystools.monitor", "data": {"cpu": 1}}',
        '{"type": "logs", "data": [1, 2]}',
    ],
)
def test_an_unknown_type_is_a_value(frame: str | bytes) -> None:
    assert isinstance(protocol.parse_frame(frame), messages.Unknown)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\0\0\0",
        struct.pack(">I", 1),
        struct.pack(">II", 1, 1),
        struct.pack(">II", 3, 5) + b"ab",
        struct.pack(">II", 3, 2) + b"\xff\xfe" + b"text",
        struct.pack(">II", 4, 0xFFFFFFFF) + b"{}",
        struct.pack(">II", 4, 2) + b"[]" + b"image",
        struct.pack(">II", 4, 2) + b"{]" + b"image",
        struct.pack(">II", 4, 2) + b"{}",
        struct.pack(">II", 4, 18) + b'{"image_type": []}' + b"image",
        "",
        "not json",
        "[1]",
        "null",
        '{"data": {}}',
        '{"type": 3, "data": {}}',
        '{"type": "executing"}',
        '{"type": "execution_start", "data": {}}',
        '{"type": "execution_start", "data": {"prompt_id": [1]}}',
        '{"type": "execution_cached", "data": {"prompt_id": "x", "nodes": {"a": 1}}}',
        '{"type": "progress", "data": {"value": "1", "max": 2}}',
        '{"type": "progress", "data": {"value": NaN, "max": 2}}',
        '{"type": "progress", "data": {"value": true, "max": 2}}',
        '{"type": "progress", "data": {"value": 1, "max": 1e999}}',
        '{"type": "progress_state", "data": {"prompt_id": "x", "nodes": {"1": {}}}}',
        '{"type": "executed", "data": {"prompt_id": "x", "node": "1", "output": [1]}}',
        '{"type": "execution_error", "data": {"node_id": "1"}}',
        "[" * 100_000,
    ],
)
def test_a_broken_frame_is_a_value(frame: str | bytes) -> None:
    message = protocol.parse_frame(frame)
    assert isinstance(message, messages.Malformed)
    assert 0 < len(message.reason) <= 200


def test_a_number_beyond_floats_is_no_number() -> None:
    frame = '{"type": "progress", "data": {"value": 1' + "0" * 400 + ', "max": 2}}'
    assert isinstance(protocol.parse_frame(frame), messages.Malformed)


def test_half_a_surrogate_pair_is_replaced_and_whole_ones_stay() -> None:
    data = {"prompt_id": "x", "exception_message": "no file 'b\udcfcr.png' \U0001f642"}
    message = protocol.parse_frame(json.dumps({"type": "execution_error", "data": data}))
    assert isinstance(message, messages.ExecutionError)
    assert message.exception_message == "no file 'b?r.png' \U0001f642"


def test_the_one_frame_without_a_prompt_id() -> None:
    frame = '{"type": "executing", "data": {"node": "4"}}'
    assert protocol.parse_frame(frame) == messages.Executing(None, "4", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["prompt_id", "node", "nodes", "value", "max", "output", "state", "1"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(TYPES)), JSON)
def test_no_text_frame_raises(kind: str, data: object) -> None:
    protocol.parse_text(json.dumps({"type": kind, "data": data}))


@given(st.sampled_from([1, 2, 3, 4, 5]), st.binary(max_size=40))
def test_no_binary_frame_raises(kind: int, rest: bytes) -> None:
    protocol.parse_binary(struct.pack(">I", kind) + rest)


@given(st.data())
def test_a_recorded_frame_cut_anywhere_never_raises(data: st.DataObject) -> None:
    frames = [frame for _, _, frame in recordings.every_frame()][:60]
    payload = data.draw(st.sampled_from(frames)).payload
    frame = payload if isinstance(payload, bytes) else json.dumps(payload)
    protocol.parse_frame(frame[: data.draw(st.integers(0, min(len(frame), 400)))])
