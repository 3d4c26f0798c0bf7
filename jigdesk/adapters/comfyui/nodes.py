"""Which node of the submitted graph a node id of the server stands for."""

from __future__ import annotations

from jigdesk.domain.engine import Graph


def resolve(graph: Graph, node: str | None, *hints: str | None) -> str | None:
    """Map a server's node id to one of the graph's; None when nothing fits.

    `hints` are display, real and parent ids in this order. Nodes that a node expanded into are
    called `{parent}.{call}.{index}.{id}` and belong to the nearest parent in the graph.
    """
    if node is not None and node in graph:
        return node
    for candidate in hints:
        if candidate is not None and candidate in graph:
            return candidate
    for candidate in (node, *hints):
        rest = candidate or ""
        while "." in rest:
            rest = rest.rpartition(".")[0]
            if rest in graph:
                return rest
    return None


def title(graph: Graph, node: str | None, node_type: str | None = None) -> str | None:
    """The node's `_meta.title`, else its class; None for an unknown node without a class."""
    entry = graph.get(node) if node is not None else None
    if entry is None:
        return node_type
    meta = entry.get("_meta")
    name = meta.get("title") if isinstance(meta, dict) else None
    return str(name or entry.get("class_type") or node_type or node)
