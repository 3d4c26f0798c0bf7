"""The graph of a template: ComfyUI's API format, checked for its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from jigdesk.domain import strict_json
from jigdesk.domain.engine import Graph
from jigdesk.domain.wording import quoted

GRAPH = "graph.json"
MAX_NODES = 5000
_MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault: `file` and `field` are empty where the fault is the folder's or the file's."""

    file: str
    field: str
    message: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.field, self.message) if part)


@dataclass(slots=True)
class Report:
    """What was found so far: problems forbid the template, warnings do not."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    def problem(self, file: str, at: str, message: str) -> None:
        """Note a fault."""
        self.problems.append(Problem(file, at, message))

    def warning(self, file: str, at: str, message: str) -> None:
        """Note something that is probably not meant."""
        self.warnings.append(Problem(file, at, message))


def links(node: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The links of a node: (input name, node that it comes from, its output slot)."""
    inputs = node.get("inputs")
    if not isinstance(inputs, Mapping):
        return
    for name, value in inputs.items():
        match value:
            case [str(source), int(slot)] if not isinstance(slot, bool):
                yield name, source, slot


def read_graph(body: bytes, max_bytes: int, report: Report) -> Graph | None:
    """Read a graph in ComfyUI's API format; None when it is none, with the reason reported."""
    before = len(report.problems)
    try:
        data = strict_json.decode(body, max_bytes=max_bytes, max_depth=_MAX_DEPTH)
    except strict_json.JsonRefused as exc:
        report.problem(GRAPH, "", f"It cannot be read: {exc}.")
        return None
    _check_graph(data, report)
    return data if len(report.problems) == before else None


def _check_graph(data: object, report: Report) -> None:
    if not isinstance(data, Mapping) or not data:
        report.problem(GRAPH, "", "It must be a JSON object with at least one node.")
        return
    if isinstance(data.get("nodes"), list) and "links" in data:
        report.problem(
            GRAPH,
            "",
            "This is the editor's own format. In ComfyUI choose Workflow → Export (API), or "
            '"Save (API Format)" with the dev mode options on, and save that as graph.json.',
        )
        return
    if len(data) > MAX_NODES:
        report.problem(GRAPH, "", f"It has {len(data)} nodes, {MAX_NODES} are allowed.")
        return
    before = len(report.problems)
    for node_id, node in data.items():
        _check_node(str(node_id), node, data, report)
    if len(report.problems) > before:
        return  # links to nowhere would be reported as circles
    try:
        TopologicalSorter(
            {node_id: [source for _, source, _ in links(node)] for node_id, node in data.items()}
        ).prepare()
    except CycleError as exc:
        circle = " → ".join(reversed(exc.args[1]))
        report.problem(GRAPH, "", f"These nodes wait for each other: {circle}.")


def _check_node(node_id: str, node: object, graph: Mapping[str, Any], report: Report) -> None:
    if not isinstance(node, Mapping):
        report.problem(GRAPH, quoted(node_id), "A node must be a JSON object.")
        return
    if not isinstance(node.get("class_type"), str) or not node["class_type"]:
        report.problem(GRAPH, f"{node_id}.class_type", "Each node must say its class_type.")
    if not isinstance(node.get("inputs"), Mapping):
        report.problem(GRAPH, f"{node_id}.inputs", "Each node must have an object of inputs.")
        return
    for name, source, _ in links(node):
        if source not in graph:
            report.problem(GRAPH, f"{node_id}.inputs.{name}", f"There is no node {source!r}.")


def node_title(graph: Graph, node: str) -> str:
    """The node's `_meta.title`, else its class, else its id."""
    entry = graph.get(node, {})
    meta = entry.get("_meta")
    title = meta.get("title") if isinstance(meta, Mapping) else None
    return title if isinstance(title, str) and title else str(entry.get("class_type") or node)
