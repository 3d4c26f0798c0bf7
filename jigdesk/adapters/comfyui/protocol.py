"""ComfyUI's WebSocket frames as values: bytes and text in, frozen messages out, no I/O.

The shapes are those of the server's `send_sync` calls, recorded in tests/recordings/comfyui.
Parsing never raises: a frame of an unknown type becomes `Unknown`, a broken one `Malformed`,
so that one bad custom node cannot end the connection.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

from jigdesk.adapters.comfyui.decode import read_json
from jigdesk.adapters.comfyui.messages import (
    Executed,
    Executing,
    ExecutionCached,
    ExecutionError,
    ExecutionInterrupted,
    ExecutionStart,
    ExecutionSuccess,
    FeatureFlags,
    Malformed,
    NodeState,
    NodeText,
    PreviewImage,
    Progress,
    ProgressState,
    ServerMessage,
    Status,
    Unknown,
)

# 2 is the server's own (a picture not yet encoded) and never sent
PREVIEW, TEXT, PREVIEW_WITH_METADATA = 1, 3, 4
_IMAGE_FORMATS = {1: "image/jpeg", 2: "image/png"}
_IMAGE_TYPES = frozenset({"image/jpeg", "image/png"})
_U32 = struct.Struct(">I")
_Data = Mapping[str, Any]


class _Bad(ValueError):
    """A field is missing or of a wrong type."""


def parse_frame(frame: str | bytes) -> ServerMessage:
    """Parse one WebSocket message, text or binary."""
    return parse_text(frame) if isinstance(frame, str) else parse_binary(frame)


def parse_text(text: str) -> ServerMessage:
    """Parse a text frame, `{"type": …, "data": {…}}`."""
    try:
        frame = read_json(text)
    except (ValueError, RecursionError) as error:
        return Malformed(f"not JSON: {error}"[:200])
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        return Malformed("a text frame without a type")
    kind, data = frame["type"], frame.get("data")
    parse = _PARSERS.get(kind)
    if parse is None:
        return Unknown(kind[:100])  # custom nodes send what they like under their own types
    if not isinstance(data, dict):
        return Malformed(f"{kind} without data")
    try:
        return parse(data)
    except _Bad as error:
        return Malformed(f"{kind}: {error}"[:200])


def parse_binary(data: bytes) -> ServerMessage:
    """Parse a binary frame: a big-endian u32 type, then what belongs to it."""
    try:
        kind = _u32(data, 0)
        if kind == PREVIEW:
            return _preview(data)
        if kind == TEXT:
            node, rest = _sized(data, 4)
            return NodeText(node.decode("utf-8"), rest.decode("utf-8", "replace"))
        if kind == PREVIEW_WITH_METADATA:
            return _preview_with_metadata(data)
    except _Bad as error:
        return Malformed(f"binary: {error}"[:200])
    except UnicodeDecodeError:
        return Malformed("binary: a node id that is not UTF-8")
    return Unknown(f"binary/{kind}")


def _preview(data: bytes) -> ServerMessage:
    image_format = _u32(data, 4)
    content_type = _IMAGE_FORMATS.get(image_format)
    if content_type is None:
        return Unknown(f"binary/{PREVIEW}/{image_format}")
    return PreviewImage(content_type, _some(data[8:]))


def _preview_with_metadata(data: bytes) -> ServerMessage:
    raw, image = _sized(data, 4)
    try:
        meta = read_json(raw)
    except (ValueError, RecursionError) as error:
        raise _Bad("metadata that is not JSON") from error
    if not isinstance(meta, dict):
        raise _Bad("metadata that is no object")
    content_type = meta.get("image_type", "image/jpeg")
    if not isinstance(content_type, str):
        raise _Bad("image_type is no text")
    if content_type not in _IMAGE_TYPES:
        return Unknown(f"binary/{PREVIEW_WITH_METADATA}/{content_type!r:.40}")
    return PreviewImage(
        content_type,
        _some(image),
        prompt_id=_maybe_id(meta, "prompt_id"),
        node=_maybe_id(meta, "node_id"),
        display_node=_maybe_id(meta, "display_node_id"),
        real_node=_maybe_id(meta, "real_node_id"),
        parent_node=_maybe_id(meta, "parent_node_id"),
    )


def _executing(data: _Data) -> Executing:
    return Executing(
        _maybe_id(data, "prompt_id"), _maybe_id(data, "node"), _maybe_id(data, "display_node")
    )


def _progress(data: _Data) -> Progress:
    return Progress(
        _maybe_id(data, "prompt_id"),
        _maybe_id(data, "node"),
        _number(data, "value"),
        _number(data, "max"),
    )


def _executed(data: _Data) -> Executed:
    output = data.get("output")
    if output is not None and not isinstance(output, dict):
        raise _Bad("output is no object")
    return Executed(
        _id(data, "prompt_id"), _id(data, "node"), _maybe_id(data, "display_node"), output
    )


def _interrupted(data: _Data) -> ExecutionInterrupted:
    return ExecutionInterrupted(
        _id(data, "prompt_id"), _maybe_id(data, "node_id"), _maybe_id(data, "node_type")
    )


def read_execution_error(data: Mapping[str, Any]) -> ExecutionError | Malformed:
    """Read an `execution_error`, from a frame or from history's messages."""
    try:
        prompt_id = _id(data, "prompt_id")
        node_id, node_type = _maybe_id(data, "node_id"), _maybe_id(data, "node_type")
    except _Bad as error:
        return Malformed(f"execution_error: {error}")
    trace = data.get("traceback")
    lines = trace if isinstance(trace, list) else [trace] if trace else []
    return ExecutionError(
        prompt_id=prompt_id,
        node_id=node_id,
        node_type=node_type,
        exception_type=str(data.get("exception_type") or "Exception"),
        exception_message=str(data.get("exception_message") or ""),
        traceback="".join(str(line) for line in lines),
    )


def _status(data: _Data) -> Status:
    remaining: object = None
    status = data.get("status")
    if isinstance(status, dict) and isinstance(status.get("exec_info"), dict):
        remaining = status["exec_info"].get("queue_remaining")
    is_count = isinstance(remaining, int) and not isinstance(remaining, bool)
    return Status(
        remaining if isinstance(remaining, int) and is_count else None, _maybe_id(data, "sid")
    )


def _progress_state(data: _Data) -> ProgressState:
    nodes = data.get("nodes")
    if not isinstance(nodes, dict):
        raise _Bad("nodes is no object")
    states = []
    for key, node in nodes.items():
        if not isinstance(node, dict) or not isinstance(node.get("state"), str):
            raise _Bad("a node without a state")
        states.append(
            NodeState(
                node_id=_maybe_id(node, "node_id") or str(key),
                display_node_id=_maybe_id(node, "display_node_id"),
                parent_node_id=_maybe_id(node, "parent_node_id"),
                real_node_id=_maybe_id(node, "real_node_id"),
                state=node["state"],
                value=_maybe_number(node, "value"),
                maximum=_maybe_number(node, "max"),
            )
        )
    return ProgressState(_id(data, "prompt_id"), tuple(states))


def _u32(data: bytes, at: int) -> int:
    if len(data) < at + 4:
        raise _Bad("shorter than its header")
    return int(_U32.unpack_from(data, at)[0])


def _sized(data: bytes, at: int) -> tuple[bytes, bytes]:
    """A u32 length at `at` and that many bytes, then the rest."""
    length = _u32(data, at)
    if len(data) < at + 4 + length:
        raise _Bad("shorter than its length says")
    return data[at + 4 : at + 4 + length], data[at + 4 + length :]


def _some(image: bytes) -> bytes:
    if not image:
        raise _Bad("an empty picture")
    return image


def _id(data: Mapping[str, Any], key: str) -> str:
    text = _maybe_id(data, key)
    if text is None:
        raise _Bad(f"{key} is missing")
    return text


def _maybe_id(data: Mapping[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # custom nodes report their ids as numbers
    raise _Bad(f"{key} is no text")


def _ids(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(item, str | int) for item in value):
        raise _Bad(f"{key} is no list of ids")
    return tuple(str(item) for item in value)


def _number(data: Mapping[str, Any], key: str) -> float:
    number = _maybe_number(data, key)
    if number is None:
        raise _Bad(f"{key} is no number")
    return number


def _maybe_number(data: Mapping[str, Any], key: str) -> float | None:
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_PARSERS: Mapping[str, Callable[[_Data], ServerMessage]] = {
    "status": _status,
    "execution_start": lambda data: ExecutionStart(_id(data, "prompt_id")),
    "execution_cached": lambda data: ExecutionCached(_id(data, "prompt_id"), _ids(data, "nodes")),
    "execution_success": lambda data: ExecutionSuccess(_id(data, "prompt_id")),
    "executing": _executing,
    "progress": _progress,
    "progress_state": _progress_state,
    "executed": _executed,
    "execution_error": read_execution_error,
    "execution_interrupted": _interrupted,
    "feature_flags": FeatureFlags,
}
