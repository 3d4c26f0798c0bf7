"""What an engine (ComfyUI, or the demo engine) tells about one prompt, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Graph = Mapping[str, Mapping[str, Any]]
"""ComfyUI's API format: node id → {class_type, inputs, _meta?}."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A graph to run under an id that is known beforehand."""

    prompt_id: str
    graph: Graph


@dataclass(frozen=True, slots=True)
class EngineFile:
    """A file that a node reported: `type` is output, temp or input; never drop `subfolder`."""

    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True, slots=True)
class NodeOutput:
    """What one node reported, in its order: files with the list's name, and texts.

    `files` pairs each file with the key that it came under (`images`, `gifs`, `audio`, `3d`,
    `latents`, a custom node's own); `animated` is true where the node said so.
    """

    node: str
    files: Sequence[tuple[str, EngineFile]]
    texts: Sequence[str] = ()
    animated: bool = False


@dataclass(frozen=True, slots=True)
class PromptPosted:
    """The engine has the prompt: posted just now, or (adopted) it had it already."""

    adopted: bool


@dataclass(frozen=True, slots=True)
class PromptStarted:
    """The engine began to execute the prompt."""


@dataclass(frozen=True, slots=True)
class NodesCached:
    """These nodes need not run again."""

    nodes: Sequence[str]


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """A node of the submitted graph runs; `value` of `maximum` steps, both None when unknown."""

    node: str
    value: float | None
    maximum: float | None


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """A node of the submitted graph ended well."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeExecuted:
    """A node reported results."""

    output: NodeOutput


@dataclass(frozen=True, slots=True)
class Preview:
    """A preview frame; `node` is None when the engine did not say which node made it.

    `data` is an encoded image, `content_type` image/jpeg or image/png.
    """

    node: str | None
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class PromptSucceeded:
    """The last event of a prompt that ended well, read from the engine's history."""

    outputs: Mapping[str, NodeOutput]


EngineEvent = (
    PromptPosted
    | PromptStarted
    | NodesCached
    | NodeProgress
    | NodeFinished
    | NodeExecuted
    | Preview
    | PromptSucceeded
)
