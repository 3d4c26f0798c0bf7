"""A workflow.toml for a graph that somebody brings: inputs, parameters and outputs as proposals."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jigdesk.domain.api_graph import links
from jigdesk.domain.engine import Graph
from jigdesk.domain.live_check import LiveInput, read_inputs
from jigdesk.domain.progress import nodes_on_the_way

_LOADS = {
    ("LoadImage", "image"): "image",
    ("LoadImageMask", "image"): "mask",
    ("LoadAudio", "audio"): "audio",
    ("LoadVideo", "file"): "video",
    ("VHS_LoadVideo", "video"): "video",
    ("VHS_LoadAudioUpload", "audio"): "audio",
    ("Load3D", "model_file"): "model3d",
}
_UPLOADS = {"image_upload": "image", "video_upload": "video", "audio_upload": "audio"}
_SAVES = {
    "SaveWEBM": "video",
    "SaveVideo": "video",
    "VHS_VideoCombine": "video",
    "SaveGLB": "model3d",
    "PreviewAny": "text",
    "SaveText": "text",
    "ShowText|pysssss": "text",
}
_SEEDS = ("seed", "noise_seed")
_WHOLE: Mapping[str, tuple[int, int]] = {
    "steps": (1, 100),
    "width": (64, 2048),
    "height": (64, 2048),
    "length": (1, 257),
    "blur_radius": (1, 31),
}
_PART: Mapping[str, tuple[float, float]] = {
    "cfg": (1.0, 30.0),
    "guidance": (0.0, 30.0),
    "denoise": (0.05, 1.0),
    "scale_by": (0.1, 8.0),
    "fps": (1.0, 60.0),
    "frame_rate": (1.0, 60.0),
    "strength": (0.0, 2.0),
}


@dataclass(slots=True)
class Proposal:
    """The text of workflow.toml, and what its owner should look at."""

    toml: str
    notes: list[str] = field(default_factory=list)


def propose(name: str, graph: Graph, object_info: Mapping[str, Any] | None) -> Proposal:
    """Propose a template; `object_info` None: no engine was asked, so bounds are cautious.

    Without any output in the graph the text declares none, and the check says so.
    """
    return _Proposer(name, graph, object_info).proposal()


class _Proposer:
    def __init__(self, name: str, graph: Graph, object_info: Mapping[str, Any] | None) -> None:
        self._name = name
        self._graph = graph
        self._info = object_info
        self._names: set[str] = set()
        self._tables: list[str] = []
        self._notes: list[str] = []

    def proposal(self) -> Proposal:
        outputs = dict(self._outputs())
        needed = nodes_on_the_way(self._graph, outputs)
        nodes = [node for node in self._graph if not outputs or node in needed]
        roles = self._prompt_roles()
        for node in nodes:
            self._propose_inputs(node)
        for node in nodes:
            self._propose_params(node, roles)
        for node, kind in outputs.items():
            self._table("outputs", self._free("result"), {"node": node, "kind": kind})
        title = self._name.replace("-", " ").replace("_", " ").capitalize()
        head = f"title = {_toml(title)}\n"
        if self._info is None:
            self._notes.append("No engine was asked: the bounds are cautious guesses.")
        return Proposal("\n".join([head, *self._tables]), self._notes)

    def _live(self, node: str) -> dict[str, LiveInput]:
        if self._info is None:
            return {}
        return read_inputs(self._info.get(str(self._graph[node]["class_type"])))

    def _constants(self, node: str) -> Iterator[tuple[str, Any]]:
        linked = {name for name, _, _ in links(self._graph[node])}
        for name, value in self._graph[node]["inputs"].items():
            if name not in linked and isinstance(value, str | int | float):
                yield name, value

    def _free(self, wish: str) -> str:
        """A name that is not taken; the same wish again gets a number."""
        name, count = wish, 1
        while name in self._names:
            count += 1
            name = f"{wish}-{count}"
        self._names.add(name)
        return name

    def _table(self, area: str, name: str, values: Mapping[str, Any]) -> None:
        lines = [f"[{area}.{name}]", *(f"{key} = {_toml(item)}" for key, item in values.items())]
        self._tables.append("\n".join(lines) + "\n")

    # --- inputs and outputs

    def _propose_inputs(self, node: str) -> None:
        live = self._live(node)
        for name, value in self._constants(node):
            kind = _LOADS.get((str(self._graph[node]["class_type"]), name))
            extra = live[name].extra if name in live else {}
            for flag, its_kind in _UPLOADS.items():
                if kind is None and extra.get(flag) is True:
                    kind = its_kind
            if kind is not None and isinstance(value, str):
                targets = [f"{node}.{name}"]
                self._table("inputs", self._free(kind), {"kind": kind, "targets": targets})

    def _outputs(self) -> Iterator[tuple[str, str]]:
        for node, entry in self._graph.items():
            name = str(entry["class_type"])
            if name in ("PreviewImage", "SaveImageWebsocket"):
                self._notes.append(
                    f"Node {node} ({name}) keeps nothing: put a Save node in its place to get it."
                )
                continue
            info = self._info.get(name) if self._info is not None else None
            saves = isinstance(info, Mapping) and info.get("output_node") is True
            if saves or name in _SAVES or name.startswith("Save"):
                yield node, _kind_of(name)

    # --- parameters

    def _prompt_roles(self) -> dict[str, str]:
        """The text nodes that lead to a `negative` or a `positive` input of some node."""
        roles: dict[str, str] = {}
        for entry in self._graph.values():
            for name, source, _ in links(entry):
                if name in ("negative", "positive"):
                    role = "prompt" if name == "positive" else "negative"
                    for node in nodes_on_the_way(self._graph, [source]):
                        if roles.get(node) != "prompt":
                            roles[node] = role
        return roles

    def _propose_params(self, node: str, roles: Mapping[str, str]) -> None:
        live = self._live(node)
        class_type = str(self._graph[node]["class_type"])
        for name, value in self._constants(node):
            spec = live.get(name)
            targets = [f"{node}.{name}"]
            if name in _SEEDS and isinstance(value, int):
                self._table("params", self._free("seed"), {"type": "seed", "targets": targets})
            elif isinstance(value, str) and name == "text" and "Encode" in class_type:
                wish = roles.get(node, "prompt")
                values = {"type": "string", "default": value, "targets": targets}
                self._table("params", self._free(wish), values)
            elif not isinstance(value, bool | str) and (name in _WHOLE or name in _PART):
                whole = name in _WHOLE and value == int(value)
                if spec is not None and spec.type == "INT":
                    whole = True
                self._number(name, value, spec, targets, whole=whole)

    def _number(
        self,
        name: str,
        value: float,
        spec: LiveInput | None,
        targets: list[str],
        *,
        whole: bool,
    ) -> None:
        low, high = _WHOLE[name] if name in _WHOLE else _PART[name]
        low, high = min(low, value), max(high, value)  # what the graph has is allowed
        if spec is not None:
            low = max(low, _number_or(spec.extra.get("min"), low))
            high = min(high, _number_or(spec.extra.get("max"), high))
        values: dict[str, Any] = {
            "type": "integer" if whole else "number",
            "default": int(value) if whole else float(value),
            "minimum": math.ceil(low) if whole else float(low),
            "maximum": math.floor(high) if whole else float(high),
            "targets": targets,
        }
        self._table("params", self._free(name.replace("_", "-")), values)


def _kind_of(class_type: str) -> str:
    known = _SAVES.get(class_type)
    if known is not None:
        return known
    lowered = class_type.lower()
    for word, kind in (("audio", "audio"), ("video", "video"), ("3d", "model3d"), ("text", "text")):
        if word in lowered:
            return kind
    return "image"


def _number_or(value: object, other: float) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else other


def _toml(value: object) -> str:
    """A TOML value; a JSON text is a basic string in TOML too, but for the delete character."""
    if isinstance(value, list):
        return f"[{', '.join(_toml(item) for item in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)
