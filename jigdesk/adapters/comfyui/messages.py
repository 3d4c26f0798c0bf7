"""What a ComfyUI server says over its WebSocket, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Status:
    """The queue's length changed; `sid` comes with the first frame of a connection."""

    queue_remaining: int | None
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionStart:
    """The executor took the prompt."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class ExecutionCached:
    """These nodes are not run again; always sent, often empty."""

    prompt_id: str
    nodes: Sequence[str]


@dataclass(frozen=True, slots=True)
class ExecutionSuccess:
    """Every node ran. The history entry is not written yet."""

    prompt_id: str


@dataclass(frozen=True, slots=True)
class Executing:
    """A node begins; `node` None: the prompt has left the executor.

    `prompt_id` is None in the one frame that a reconnecting client gets.
    """

    prompt_id: str | None
    node: str | None
    display_node: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A node's own progress bar; `prompt_id` and `node` are None on old servers."""

    prompt_id: str | None
    node: str | None
    value: float
    maximum: float


@dataclass(frozen=True, slots=True)
class NodeState:
    """One node in `progress_state`: `state` is running, finished, error or pending."""

    node_id: str
    display_node_id: str | None
    parent_node_id: str | None
    real_node_id: str | None
    state: str
    value: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class ProgressState:
    """Every node that was begun, with where it is; cumulative within a prompt."""

    prompt_id: str
    nodes: Sequence[NodeState]


@dataclass(frozen=True, slots=True)
class Executed:
    """A node reported results; `output` is None where it had none."""

    prompt_id: str
    node: str
    display_node: str | None
    output: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ExecutionError:
    """A node failed, or (`ExecutionBlocked`) refused an input without ending the prompt."""

    prompt_id: str
    node_id: str | None
    node_type: str | None
    exception_type: str
    exception_message: str
    traceback: str

    @property
    def is_fatal(self) -> bool:
        """Whether it ends the prompt."""
        return self.exception_type.rpartition(".")[2] != "ExecutionBlocked"


@dataclass(frozen=True, slots=True)
class ExecutionInterrupted:
    """Somebody stopped the prompt."""

    prompt_id: str
    node_id: str | None
    node_type: str | None


@dataclass(frozen=True, slots=True)
class FeatureFlags:
    """What the server can do."""

    flags: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PreviewImage:
    """An encoded picture; ids are None in type 1 frames, which carry none."""

    content_type: str
    data: bytes
    prompt_id: str | None = None
    node: str | None = None
    display_node: str | None = None
    real_node: str | None = None
    parent_node: str | None = None


@dataclass(frozen=True, slots=True)
class NodeText:
    """A line that a node shows while it runs."""

    node: str
    text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame that this client does not know; `kind` is its type."""

    kind: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A frame that is not what the protocol says; `reason` is for the log."""

    reason: str


ServerMessage = (
    Status
    | ExecutionStart
    | ExecutionCached
    | ExecutionSuccess
    | Executing
    | Progress
    | ProgressState
    | Executed
    | ExecutionError
    | ExecutionInterrupted
    | FeatureFlags
    | PreviewImage
    | NodeText
    | Unknown
    | Malformed
)
