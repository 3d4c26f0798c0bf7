"""From a template to the graph that is posted: parameters, files and file names set in a copy."""

from __future__ import annotations

import copy
import re
import zlib
from collections.abc import Mapping
from typing import Any

from jigdesk.domain.engine import Graph
from jigdesk.domain.manifest import Scalar
from jigdesk.domain.template import Template

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def bind(
    template: Template,
    params: Mapping[str, Scalar],
    input_values: Mapping[str, str],
    prefix: str,
) -> Graph:
    """The template's graph with these values on their targets; nothing else changes.

    `input_values` has what the engine calls each input's file (or the text itself). Every
    `filename_prefix` becomes `{prefix}/{node id}`: with a prefix of its own an attempt writes
    files of its own, and a node that saves always runs again, while all before it may be taken
    from the engine's cache. An input or a parameter that is left out keeps the graph's value.
    Raises KeyError for a name that the template does not declare.
    """
    graph: dict[str, dict[str, Any]] = copy.deepcopy(
        {node_id: dict(node) for node_id, node in template.graph.items()}
    )
    for name, value in params.items():
        for target in template.params[name].targets:
            graph[target.node]["inputs"][target.input] = value
    for name, value in input_values.items():
        for target in template.inputs[name].targets:
            graph[target.node]["inputs"][target.input] = value
    for node_id, node in graph.items():
        if isinstance(node["inputs"].get("filename_prefix"), str):
            node["inputs"]["filename_prefix"] = f"{prefix}/{file_stem(node_id)}"
    return graph


def file_stem(node_id: str) -> str:
    """A node's id as a file name: a subgraph's `12:3`, which Windows refuses, gets a checksum."""
    safe = _UNSAFE.sub("_", node_id)
    return safe if safe == node_id else f"{safe}-{zlib.crc32(node_id.encode()):08x}"
