"""How far a job is: one number over all its stages and nodes, and the seconds that are left.

Pure and incremental: fed with what the engine tells, asked for `progress` and `eta_s`. A node
weighs the seconds that it took in earlier runs; one that was never seen weighs as much as
the average of those that were, and more when its graph gives it steps. Only nodes on the way
to a declared output count: the engine may skip the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jigdesk.domain.api_graph import links
from jigdesk.domain.binding import bind
from jigdesk.domain.engine import Graph
from jigdesk.domain.plan import Plan
from jigdesk.domain.template import Template

MOST_WHILE_RUNNING = 0.99
"""Results still have to be stored and confirmed: only a completed job is at 1.0."""

_LEAST_WEIGHT_S = 0.001
_MAX_STEPS = 1000
_MOST_SECONDS = 30 * 86_400.0  # no node runs for longer, and sums stay finite


@dataclass(slots=True)
class _Node:
    """`seconds` is None when never learned; `done` goes from 0 to 1; `weight` is in seconds."""

    weight: float
    seconds: float | None
    done: float = 0.0


@dataclass(slots=True)
class _Stage:
    """`whole_s` is what all its nodes take together, None when one was never timed.

    `spent_s` is what those that ran to their end usually take.
    """

    nodes: dict[str, _Node]
    whole_s: float | None
    running: str | None = None
    is_done: bool = False
    finished: set[str] = field(default_factory=set)
    spent_s: float = 0.0


class ProgressModel:
    """The progress of one attempt. Not thread-safe."""

    def __init__(self, stages: Mapping[str, Mapping[str, tuple[float, float | None]]]) -> None:
        """Take stage name → node id → (weight, learned seconds or None), in the plan's order."""
        self._stages = {
            name: _Stage(
                {node: _Node(*costs) for node, costs in nodes.items()},
                _sum_known(seconds for _, seconds in nodes.values()),
            )
            for name, nodes in stages.items()
        }
        self._whole = sum(weight for nodes in stages.values() for weight, _ in nodes.values())
        self._done = 0.0
        self._shown = 0.0

    @classmethod
    def of(
        cls,
        plan: Plan,
        templates: Mapping[str, Template],
        learned: Mapping[str, Mapping[str, float]],
    ) -> ProgressModel:
        """The model of a plan; `learned` has workflow → node id → seconds."""
        graphs = {}
        seconds: dict[str, dict[str, float | None]] = {}
        for stage in plan.stages:
            template = templates[stage.workflow]
            graph = bind(template, stage.params, {}, "")
            needed = nodes_on_the_way(graph, (item.node for item in template.outputs.values()))
            known = learned.get(stage.workflow, {})
            graphs[stage.name] = graph
            seconds[stage.name] = {
                node: _sound(known.get(node)) for node in graph if node in needed
            }
        measured = [value for nodes in seconds.values() for value in nodes.values() if value]
        usual_s = sum(measured) / len(measured) if measured else 1.0
        return cls(
            {
                name: {
                    node: (_weight(value, usual_s, graphs[name], node), value)
                    for node, value in nodes.items()
                }
                for name, nodes in seconds.items()
            }
        )

    @property
    def progress(self) -> float:
        """From 0 to `MOST_WHILE_RUNNING`; it never falls."""
        return self._shown

    def started(self, stage: str) -> None:
        """The stage's prompt begins, or begins again: what is left of it is all of it."""
        entry = self._stages.get(stage)
        if entry is None or entry.is_done:
            return
        entry.running = None
        entry.finished.clear()
        entry.spent_s = 0.0
        for node in entry.nodes.values():
            self._advance(node, 0.0)

    def cached(self, stage: str, nodes: Iterable[str]) -> None:
        """These nodes need not run."""
        for node in nodes:
            self._finish(stage, node)

    def node(
        self, stage: str, node: str, value: float | None = None, maximum: float | None = None
    ) -> None:
        """A node runs; `value` of `maximum` steps, None when it has none."""
        entry = self._stages.get(stage)
        if entry is None or node not in entry.nodes or entry.is_done:
            return
        entry.running = node
        fraction = _fraction(value, maximum)
        if node not in entry.finished:
            self._advance(entry.nodes[node], max(entry.nodes[node].done, fraction))

    def finished(self, stage: str, node: str) -> None:
        """A node ended well."""
        entry = self._finish(stage, node)
        if entry is not None:
            entry.spent_s += entry.nodes[node].seconds or 0.0

    def stage_done(self, stage: str) -> None:
        """The stage ended well, in this run of the desk or in an earlier one."""
        entry = self._stages.get(stage)
        if entry is None:
            return
        entry.is_done, entry.running = True, None
        for node in entry.nodes.values():
            self._advance(node, 1.0)

    def eta_s(self, elapsed_s: float = 0.0) -> float | None:
        """Seconds that the nodes still need; None when one of them was never timed.

        `elapsed_s` counts from the start of the stage that runs.
        """
        left = (
            self._stage_left_s(entry, elapsed_s)
            for entry in self._stages.values()
            if not entry.is_done
        )
        left_s = _sum_known(left)
        return None if left_s is None else round(left_s, 1)

    def _stage_left_s(self, entry: _Stage, elapsed_s: float) -> float | None:
        if entry.running is None and not entry.finished:
            return entry.whole_s
        left_s = 0.0
        for name, node in entry.nodes.items():
            if name in entry.finished:
                continue
            if node.seconds is None:
                return None
            if name == entry.running and node.done == 0.0:
                left_s += max(0.0, node.seconds - max(0.0, elapsed_s - entry.spent_s))
            else:
                left_s += node.seconds * (1.0 - node.done)
        return left_s

    def _finish(self, stage: str, node: str) -> _Stage | None:
        """The stage, when the node is one that counts and was not finished before."""
        entry = self._stages.get(stage)
        if entry is None or node not in entry.nodes or entry.is_done or node in entry.finished:
            return None
        entry.finished.add(node)
        if entry.running == node:
            entry.running = None
        self._advance(entry.nodes[node], 1.0)
        return entry

    def _advance(self, node: _Node, done: float) -> None:
        self._done += node.weight * (done - node.done)
        node.done = done
        if self._whole > 0.0:
            share = min(self._done / self._whole, 1.0) * MOST_WHILE_RUNNING
            self._shown = max(self._shown, round(share, 4))


def nodes_on_the_way(graph: Graph, outputs: Iterable[str]) -> frozenset[str]:
    """The nodes that these output nodes need, themselves included."""
    needed: set[str] = set()
    waiting = [node for node in outputs if node in graph]
    while waiting:
        node = waiting.pop()
        if node not in needed:
            needed.add(node)
            waiting.extend(source for _, source, _ in links(graph[node]) if source in graph)
    return frozenset(needed)


def _weight(seconds: float | None, usual_s: float, graph: Graph, node: str) -> float:
    if seconds is not None:
        return max(seconds, _LEAST_WEIGHT_S)
    steps = graph[node]["inputs"].get("steps")
    if isinstance(steps, int) and not isinstance(steps, bool) and steps > 1:
        return usual_s * min(steps, _MAX_STEPS)
    return usual_s


def _sum_known(seconds: Iterable[float | None]) -> float | None:
    """The sum; None when one is unknown."""
    whole_s = 0.0
    for value in seconds:
        if value is None:
            return None
        whole_s += value
    return whole_s


def _sound(seconds: float | None) -> float | None:
    if seconds is None or not math.isfinite(seconds):
        return None
    return min(max(seconds, 0.0), _MOST_SECONDS)


def _fraction(value: float | None, maximum: float | None) -> float:
    if value is None or maximum is None or not math.isfinite(value) or not maximum > 0:
        return 0.0
    return min(max(value / maximum, 0.0), 1.0)
