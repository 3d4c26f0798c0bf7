"""Stages as rows, nodes from left to right."""

from __future__ import annotations

from typing import Any

from ui.graph.layout import CARD_HEIGHT, CARD_WIDTH, lay_out


def stage(name: str, nodes: list[str], edges: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "workflow": name,
        "title": name,
        "depends_on": [],
        "nodes": [
            {"id": node, "class_type": "T", "title": f"Title {node}", **more.get(node, {})}
            for node in nodes
        ],
        "edges": [{"from": a, "from_slot": 0, "to": b, "input": "x"} for a, b in edges],
    }


def graph(*stages: dict[str, Any], edges: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {"version": 1, "stages": list(stages), "edges": list(edges)}


def test_a_node_stands_right_of_everything_that_it_needs() -> None:
    layout = lay_out(
        graph(stage("s", ["4", "3", "2", "1"], [("1", "2"), ("2", "4"), ("1", "3"), ("3", "4")]))
    )
    x = {key[1]: card.x for key, card in layout.cards.items()}
    assert x["1"] < x["2"] == x["3"] < x["4"]


def test_no_card_covers_another() -> None:
    names = [str(number) for number in range(30)]
    edges = [(a, b) for a in names for b in names if int(b) == int(a) * 2 + 1]
    layout = lay_out(graph(stage("a", names, edges), stage("b", names, edges)))
    cards = list(layout.cards.values())
    for one in cards:
        for other in cards:
            apart = abs(one.x - other.x) >= CARD_WIDTH or abs(one.y - other.y) >= CARD_HEIGHT
            assert one is other or apart


def test_stages_are_rows_in_their_order_and_are_joined_by_their_results() -> None:
    layout = lay_out(
        graph(
            stage("a", ["1", "2"], [("1", "2")], **{"2": {"output": "result"}}),
            stage("b", ["1", "2"], [("1", "2")]),
            edges=(
                {
                    "from_stage": "a",
                    "output": "result",
                    "index": 0,
                    "to_stage": "b",
                    "input": "image",
                    "to_node": "1",
                },
            ),
        )
    )
    assert [row.stage for row in layout.rows] == ["a", "b"]
    assert layout.cards["a", "2"].y + CARD_HEIGHT < layout.cards["b", "1"].y
    assert (("a", "2"), ("b", "1")) in layout.edges
    assert layout.ancestors(("b", "2")) == {("b", "1")}


def test_a_result_of_another_job_is_no_edge_of_this_graph() -> None:
    edge = {"from_stage": "gone", "output": "r", "to_stage": "a", "input": "i", "to_node": "1"}
    layout = lay_out(graph(stage("a", ["1"], []), edges=({**edge, "from_job_id": "x"},)))
    assert layout.edges == ()


def test_a_graph_in_a_circle_is_drawn_all_the_same() -> None:
    layout = lay_out(graph(stage("a", ["1", "2"], [("1", "2"), ("2", "1")])))
    assert len(layout.cards) == 2


def test_a_stage_without_nodes_is_a_headline() -> None:
    layout = lay_out(graph(stage("a", [], []), stage("b", ["1"], [])))
    assert layout.rows[0].y < layout.rows[1].y < layout.cards["b", "1"].y
