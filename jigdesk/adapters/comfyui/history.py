"""How a prompt ended, read from its entry in ComfyUI's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jigdesk.adapters.comfyui import messages, protocol
from jigdesk.adapters.comfyui.nodes import resolve
from jigdesk.adapters.comfyui.outputs import merge, read_output
from jigdesk.domain.engine import Graph, NodeOutput


@dataclass(frozen=True, slots=True)
class Succeeded:
    """It ended well; node of the submitted graph → what it reported."""

    outputs: Mapping[str, NodeOutput]


@dataclass(frozen=True, slots=True)
class Failed:
    """A node failed; `node_id` is the server's (it may be an expanded node's) or None."""

    node_id: str | None
    node_type: str | None
    exception_type: str
    exception_message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Somebody stopped it."""

    node_id: str | None = None


Outcome = Succeeded | Failed | Interrupted


def failed(error: messages.ExecutionError) -> Failed:
    """The outcome that an `execution_error` message tells."""
    return Failed(
        error.node_id,
        error.node_type,
        error.exception_type,
        error.exception_message,
        error.traceback,
    )


def read_outcome(entry: Mapping[str, Any], graph: Graph) -> Outcome:
    """Read an entry of `/history/{id}`.

    `status.messages` decide; `status_str` calls an interruption an error and is believed only
    where the messages do not say how it ended.
    """
    status = entry.get("status")
    status = status if isinstance(status, dict) else {}
    ending: Outcome | None = None
    for kind, data in _messages(status):
        if kind == "execution_success":
            ending = Succeeded(read_outputs(entry, graph))
        elif kind == "execution_interrupted":
            node = data.get("node_id")
            ending = Interrupted(str(node) if node is not None else None)
        elif kind == "execution_error":
            error = protocol.read_execution_error(data)
            if isinstance(error, messages.Malformed):
                ending = Failed(None, None, "Exception", "", "")
            elif error.is_fatal:
                ending = failed(error)
    if ending is not None:
        return ending
    if status.get("status_str") == "success" and status.get("completed") is True:
        return Succeeded(read_outputs(entry, graph))
    return Failed(None, None, "Exception", "The engine did not say how the prompt ended.", "")


def read_outputs(entry: Mapping[str, Any], graph: Graph) -> Mapping[str, NodeOutput]:
    """The outputs by the submitted graph's ids, expanded nodes joined into theirs."""
    outputs, meta = entry.get("outputs"), entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    found: dict[str, list[NodeOutput]] = {}
    for node_id, raw in outputs.items() if isinstance(outputs, dict) else ():
        about = meta.get(node_id)
        about = about if isinstance(about, dict) else {}
        hints = [about.get(key) for key in ("display_node", "real_node_id", "parent_node")]
        texts = [hint if isinstance(hint, str) else None for hint in hints]
        # a node that the graph does not know is kept under its own id: no file is dropped
        node = resolve(graph, node_id, *texts) or node_id
        found.setdefault(node, []).append(read_output(node, raw if isinstance(raw, dict) else {}))
    return {node: merge(node, parts) for node, parts in found.items()}


def _messages(status: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    messages = status.get("messages")
    pairs: list[tuple[str, Mapping[str, Any]]] = []
    for message in messages if isinstance(messages, list) else ():
        match message:
            case [str() as kind, dict() as data]:
                pairs.append((kind, data))
    return pairs
