"""What a node reported, from the free-form `output` object that ComfyUI passes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jigdesk.domain.engine import EngineFile, NodeOutput

_TEXT_KEYS = frozenset({"text", "texts", "string", "strings"})
_FILE_TYPES = frozenset({"output", "temp", "input"})


def read_output(node: str, raw: Mapping[str, Any] | None) -> NodeOutput:
    """Read one node's output; whatever is neither file nor text is left out.

    `images` with `animated: [true]` are videos or animations; audio comes under `audio`, 3D
    under `3d`, latents under `latents`, and custom nodes add lists of their own (`gifs`).
    """
    files: list[tuple[str, EngineFile]] = []
    texts: list[str] = []
    animated = False
    for key, value in (raw or {}).items():
        items = value if isinstance(value, list | tuple) else [value]
        if key == "animated":
            animated = any(item is True for item in items)
            continue
        for item in items:
            file = _file(item)
            if file is not None:
                files.append((key, file))
            elif isinstance(item, str) and key in _TEXT_KEYS:
                texts.append(item)
    return NodeOutput(node, tuple(files), tuple(texts), animated)


def merge(node: str, outputs: Iterable[NodeOutput]) -> NodeOutput:
    """Join what several expanded nodes reported for one node of the graph."""
    parts = list(outputs)
    return NodeOutput(
        node,
        tuple(file for part in parts for file in part.files),
        tuple(text for part in parts for text in part.texts),
        any(part.animated for part in parts),
    )


def _file(item: object) -> EngineFile | None:
    if not isinstance(item, dict):
        return None
    filename, subfolder = item.get("filename"), item.get("subfolder") or ""
    kind = item.get("type") or "output"
    if not isinstance(filename, str) or not filename or not isinstance(subfolder, str):
        return None
    if not isinstance(kind, str) or kind not in _FILE_TYPES:
        return None
    return EngineFile(filename, subfolder, kind)
