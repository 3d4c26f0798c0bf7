"""Binding: what it sets, and that it sets nothing else."""

from __future__ import annotations

import copy

import pytest

from jigdesk.domain.binding import bind
from tests.unit.domain.templates import GRAPH, TOML, node, template


def test_values_reach_their_targets_and_nothing_else_changes() -> None:
    work = template()
    before = copy.deepcopy(work.graph)
    bound = bind(work, {"radius": 7, "mode": "b c"}, {"image": "ab12.png"}, "jigdesk/job/a-1")
    expected = copy.deepcopy(GRAPH)
    expected["1"]["inputs"]["image"] = "ab12.png"
    expected["2"]["inputs"] |= {"radius": 7, "mode": "b c"}
    expected["3"]["inputs"]["filename_prefix"] = "jigdesk/job/a-1/3"
    assert bound == expected
    assert work.graph == before


def test_every_saving_node_gets_a_name_of_its_own() -> None:
    graph = {
        **GRAPH,
        "12:5": node("SaveImage", filename_prefix="y"),
        "12_5": node("SaveImage", filename_prefix="y"),
        "7": node("SaveImage", filename_prefix=["2", 0]),
    }
    bound = bind(template(toml=TOML, graph=graph), {}, {}, "p")
    names = [bound[key]["inputs"]["filename_prefix"] for key in ("3", "12:5", "12_5")]
    assert len(set(names)) == 3
    assert all(":" not in name for name in names)
    assert bound["7"]["inputs"]["filename_prefix"] == ["2", 0]


def test_one_parameter_may_have_several_targets() -> None:
    toml = TOML.replace('targets = ["2.radius"]', 'targets = ["2.radius", "5.radius"]')
    graph = {**GRAPH, "5": node("Work", radius=1)}
    bound = bind(template(toml=toml, graph=graph), {"radius": 9}, {}, "p")
    assert (bound["2"]["inputs"]["radius"], bound["5"]["inputs"]["radius"]) == (9, 9)


def test_undeclared_names_are_a_bug() -> None:
    with pytest.raises(KeyError):
        bind(template(), {"nope": 1}, {}, "p")
