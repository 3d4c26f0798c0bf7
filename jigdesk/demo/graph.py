"""Links, the order in which nodes run, and the signatures under which results are cached.

All of it follows what a client of ComfyUI can see: the order of frames, and which nodes are
said to be cached. Subgraphs and lazy inputs are left out: no node of the demo engine has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jigdesk.demo.schema import Catalogue

Graph = Mapping[str, Mapping[str, Any]]

FAR = 3
"""Distance from which on ComfyUI no longer prefers nodes that are nearer to an output."""


def is_link(value: object) -> bool:
    """Whether an input's value is `[node id, slot]`."""
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - node id and slot
        and isinstance(value[0], str)
        and isinstance(value[1], int | float)
    )


def inputs_of(graph: Graph, node: str) -> Mapping[str, Any]:
    """The node's inputs; empty for a node without any, which only validation minds."""
    inputs = graph[node].get("inputs")
    return inputs if isinstance(inputs, dict) else {}


def sources(graph: Graph, node: str) -> list[str]:
    """The nodes that the node's links come from, in the order of its inputs."""
    return [value[0] for value in inputs_of(graph, node).values() if is_link(value)]


class RunOrder:
    """Which node runs next: dependencies first, then what is nearest to an output node.

    Nodes of which `done` is true at the beginning (cached ones) are not waited for.
    """

    def __init__(
        self,
        graph: Graph,
        catalogue: Catalogue,
        outputs: Sequence[str],
        done: Callable[[str], bool],
    ) -> None:
        self._graph = graph
        self._catalogue = catalogue
        self._waiting: dict[str, set[str]] = {}
        self._blocks: dict[str, list[str]] = {}
        for output in outputs:
            self._add(output, done)

    def _add(self, output: str, done: Callable[[str], bool]) -> None:
        todo = [output]
        while todo:
            node = todo.pop()
            if node in self._waiting:
                continue
            needs = [source for source in sources(self._graph, node) if not done(source)]
            self._waiting[node] = set(needs)
            for source in dict.fromkeys(needs):
                self._blocks.setdefault(source, []).append(node)
            todo += needs

    def next(self) -> str | None:
        """The node to run now; None when all are done. Raises ValueError for a cycle."""
        if not self._waiting:
            return None
        ready = [node for node, needs in self._waiting.items() if not needs]
        if not ready:
            raise ValueError("Dependency cycle detected")
        return min(ready, key=self._distance)

    def done(self, node: str) -> None:
        """The node ended well: those that waited for it may run."""
        del self._waiting[node]
        for blocked in self._blocks.pop(node, ()):
            self._waiting[blocked].discard(node)

    def _distance(self, node: str) -> int:
        """Links from here to an output node that waits; FAR or more is all the same."""
        level = [node]
        for distance in range(FAR):
            if any(self._is_output(each) for each in level):
                return distance
            level = [blocked for each in level for blocked in self._blocks.get(each, ())]
        return FAR

    def _is_output(self, node: str) -> bool:
        return self._catalogue[self._graph[node]["class_type"]].output_node


def signatures(graph: Graph, catalogue: Catalogue) -> dict[str, str]:
    """What each node's result depends on: class, inputs, files, and the same of its sources.

    A node that cannot be cached (its file is gone, a link leads nowhere or round in a circle)
    is missing. Blocking: files are hashed.
    """
    found: dict[str, str] = {}
    for node in _sources_first(graph):
        signature = _signature(graph, catalogue, node, found)
        if signature is not None:
            found[node] = signature
    return found


def _signature(
    graph: Graph, catalogue: Catalogue, node: str, found: Mapping[str, str]
) -> str | None:
    inputs = inputs_of(graph, node)
    node_class = catalogue[graph[node]["class_type"]]
    changed = "" if node_class.changed is None else node_class.changed(inputs)
    if changed is None:
        return None
    parts: list[Any] = [node_class.name, changed]
    for name in sorted(inputs):
        value = inputs[name]
        if not is_link(value):
            parts.append([name, value])
        elif value[0] in found:
            parts.append([name, "link", found[value[0]], value[1]])
        else:
            return None
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _sources_first(graph: Graph) -> Iterator[str]:
    """Every node after its sources; those in or behind a circle come in any order.

    Without recursion: a graph from outside may be deeper than Python's stack.
    """
    seen: set[str] = set()
    for start in graph:
        todo = [(start, False)]
        while todo:
            node, opened = todo.pop()
            if opened:
                yield node
            elif node in graph and node not in seen:
                seen.add(node)
                todo.append((node, True))
                todo += [(source, False) for source in sources(graph, node)]
