"""Where the cards of graph.json lie: stages as rows, nodes from left to right. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import networkx as nx  # type: ignore[import-untyped]

CARD_WIDTH = 116.0
CARD_HEIGHT = 44.0
GAP_X = 24.0
GAP_Y = 12.0
ROW_GAP = 20.0
TITLE_HEIGHT = 24.0
LONGEST_VALUE = 80

NodeKey = tuple[str, str]
"""A stage's name and a node id."""


@dataclass(frozen=True, slots=True)
class Card:
    """A node's place, in pixels at 100 %; `inputs` are what it is given, in words."""

    key: NodeKey
    title: str
    class_type: str
    x: float
    y: float
    inputs: tuple[str, ...] = ()

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the card."""
        return self.x + CARD_WIDTH / 2, self.y + CARD_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Row:
    """A stage's headline, above its cards."""

    stage: str
    title: str
    y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is drawn but the states."""

    cards: Mapping[NodeKey, Card]
    edges: Sequence[tuple[NodeKey, NodeKey]]
    rows: Sequence[Row]

    def ancestors(self, key: NodeKey) -> frozenset[NodeKey]:
        """Every card that `key` needs, in its own stage."""
        before: dict[NodeKey, list[NodeKey]] = {}
        for source, target in self.edges:
            if source[0] == target[0]:
                before.setdefault(target, []).append(source)
        found: set[NodeKey] = set()
        waiting = list(before.get(key, ()))
        while waiting:
            card = waiting.pop()
            if card not in found:
                found.add(card)
                waiting += before.get(card, ())
        return frozenset(found)


def lay_out(graph: Mapping[str, Any]) -> Layout:
    """Place every node of a graph.json."""
    cards: dict[NodeKey, Card] = {}
    edges: list[tuple[NodeKey, NodeKey]] = []
    rows: list[Row] = []
    y = 0.0
    stages = graph["stages"]
    for number, stage in enumerate(stages, 1):
        name = stage["name"]
        title = f"{number}  {name}" if len(stages) > 1 else name
        if stage["title"].lower() != name.lower():
            title = f"{title} · {stage['title']}"
        rows.append(Row(name, title, y))
        y += TITLE_HEIGHT
        columns = _columns(stage)
        tallest = max((len(column) for column in columns), default=0)
        titles = {node["id"]: node for node in stage["nodes"]}
        for place, column in enumerate(columns):
            # a column that is shorter hangs in the middle of the tallest
            offset = (tallest - len(column)) * (CARD_HEIGHT + GAP_Y) / 2
            for line, node in enumerate(column):
                cards[name, node] = Card(
                    (name, node),
                    titles[node]["title"],
                    titles[node]["class_type"],
                    place * (CARD_WIDTH + GAP_X),
                    y + offset + line * (CARD_HEIGHT + GAP_Y),
                    _inputs(stage, titles[node]),
                )
        edges += _inner_edges(stage)
        y += tallest * (CARD_HEIGHT + GAP_Y) - GAP_Y + ROW_GAP
    edges += _outer_edges(graph, cards)
    return Layout(cards, tuple(dict.fromkeys(edges)), tuple(rows))


def _inputs(stage: Mapping[str, Any], node: Mapping[str, Any]) -> tuple[str, ...]:
    """`image: from Picture`, `steps: 12`; what is long is cut."""
    titles = {other["id"]: other["title"] for other in stage["nodes"]}
    linked = [
        f"{edge['input']}: from {titles.get(edge['from'], edge['from'])}"
        for edge in stage["edges"]
        if edge["to"] == node["id"]
    ]
    given = []
    for name, value in node.get("values", {}).items():
        words = " ".join(str(value).split())
        cut = words if len(words) <= LONGEST_VALUE else f"{words[:LONGEST_VALUE]}…"
        given.append(f"{name}: {cut}")
    return (*linked, *given)


def _inner_edges(stage: Mapping[str, Any]) -> list[tuple[NodeKey, NodeKey]]:
    known = {node["id"] for node in stage["nodes"]}
    return [
        ((stage["name"], edge["from"]), (stage["name"], edge["to"]))
        for edge in stage["edges"]
        if edge["from"] in known and edge["to"] in known
    ]


def _outer_edges(
    graph: Mapping[str, Any], cards: Mapping[NodeKey, Card]
) -> list[tuple[NodeKey, NodeKey]]:
    outputs = {
        (stage["name"], node["output"]): node["id"]
        for stage in graph["stages"]
        for node in stage["nodes"]
        if "output" in node
    }
    found = []
    for edge in graph["edges"]:
        source = outputs.get((edge["from_stage"], edge["output"]))
        target = edge.get("to_node")
        if "from_job_id" in edge or source is None or target is None:
            continue
        pair = (edge["from_stage"], source), (edge["to_stage"], target)
        if pair[0] in cards and pair[1] in cards:
            found.append(pair)
    return found


def _columns(stage: Mapping[str, Any]) -> list[list[str]]:
    """Node ids by column: as far right as their longest way, ordered so that few edges cross."""
    drawn = nx.DiGraph()
    drawn.add_nodes_from(node["id"] for node in stage["nodes"])
    drawn.add_edges_from(
        (source[1], target[1]) for source, target in _inner_edges(stage) if source != target
    )
    if not nx.is_directed_acyclic_graph(drawn):
        return [[node["id"]] for node in stage["nodes"]]
    columns = [list(generation) for generation in nx.topological_generations(drawn)]
    places: dict[str, float] = {}
    for column in columns:
        wanted = {node: _middle([places[it] for it in drawn.predecessors(node)]) for node in column}
        column.sort(key=wanted.__getitem__)
        places |= {node: line - (len(column) - 1) / 2 for line, node in enumerate(column)}
    return columns


def _middle(places: Sequence[float]) -> float:
    return sum(places) / len(places) if places else 0.0
