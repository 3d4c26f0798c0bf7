"""The `progress_state` of one prompt's nodes."""

from __future__ import annotations

from typing import Any


class ProgressStates:
    """What each node that has begun is doing; nodes that wait are missing."""

    def __init__(self, prompt_id: str) -> None:
        self._prompt_id = prompt_id
        self._nodes: dict[str, dict[str, Any]] = {}

    def start(self, node: str) -> dict[str, Any]:
        """The node begins; returns the frame's data, as the others do."""
        return self._set(node, 0.0, 1.0, "running")

    def step(self, node: str, value: int, maximum: int) -> dict[str, Any]:
        """The node did `value` of `maximum` steps."""
        return self._set(node, value, maximum, "running")

    def finish(self, node: str) -> dict[str, Any]:
        """The node ended, or needed not run."""
        maximum = self._nodes[node]["max"] if node in self._nodes else 1
        return self._set(node, maximum, maximum, "finished")

    def _set(self, node: str, value: float, maximum: float, state: str) -> dict[str, Any]:
        self._nodes[node] = {
            "value": value,
            "max": maximum,
            "state": state,
            "prompt_id": self._prompt_id,
            **node_ids(node),
        }
        return {
            "prompt_id": self._prompt_id,
            "nodes": {each: dict(data) for each, data in self._nodes.items()},
        }


def node_ids(node: str) -> dict[str, Any]:
    """A node's four ids, which differ only inside of subgraphs."""
    return {
        "node_id": node,
        "display_node_id": node,
        "parent_node_id": None,
        "real_node_id": node,
    }
