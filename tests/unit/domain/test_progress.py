"""Progress: bounded, never falling, and honest about the seconds that are left."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jigdesk.domain.manifest import FileInput, Manifest, StageInput, StageRequest
from jigdesk.domain.plan import Plan
from jigdesk.domain.planning import make_plan
from jigdesk.domain.progress import MOST_WHILE_RUNNING, ProgressModel, nodes_on_the_way
from tests.harness.cost import assert_linear
from tests.unit.domain.templates import GRAPH, TOML, node, template

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
STEPS = {**GRAPH, "2": node("Work", **{**GRAPH["2"]["inputs"], "steps": 8})}
TEMPLATES = {"work": template(), "slow": template("slow", TOML, STEPS)}


def plan_of(*workflows: str) -> Plan:
    stages: list[StageRequest] = []
    for place, workflow in enumerate(workflows):
        source = StageInput(f"s{place - 1}") if place else FileInput("a.png")
        stages.append(StageRequest(f"s{place}", workflow, {}, {"image": source}))
    return make_plan(Manifest(JOB, tuple(stages)), TEMPLATES, {}, lambda: 0)


def model(*workflows: str, **learned: dict[str, float]) -> ProgressModel:
    return ProgressModel.of(plan_of(*workflows), TEMPLATES, learned)


def test_only_nodes_on_the_way_to_an_output_count() -> None:
    assert nodes_on_the_way(GRAPH, ["3"]) == {"1", "2", "3"}
    progress = model("work")
    progress.started("s0")
    progress.finished("s0", "4")
    progress.finished("s0", "77")
    assert progress.progress == 0.0


def test_learned_seconds_are_the_weights() -> None:
    progress = model("work", work={"1": 1.0, "2": 8.0, "3": 1.0})
    progress.started("s0")
    progress.finished("s0", "1")
    assert progress.progress == pytest.approx(0.1, abs=0.01)
    progress.node("s0", "2", 5, 10)
    assert progress.progress == pytest.approx(0.5, abs=0.01)
    progress.finished("s0", "2")
    progress.finished("s0", "3")
    progress.stage_done("s0")
    assert progress.progress == MOST_WHILE_RUNNING


def test_unknown_nodes_weigh_their_steps() -> None:
    progress = model("slow")
    progress.finished("s0", "1")
    assert progress.progress == pytest.approx(0.1, abs=0.005)
    progress.finished("s0", "2")
    assert progress.progress == pytest.approx(0.9, abs=0.01)


def test_cached_nodes_are_done() -> None:
    progress = model("work", work={"1": 1.0, "2": 8.0, "3": 1.0})
    progress.started("s0")
    progress.cached("s0", ["1", "2", "4"])
    assert progress.progress == pytest.approx(0.9, abs=0.01)
    assert progress.eta_s(0.0) == 1.0
    progress.node("s0", "3")
    assert progress.eta_s(0.4) == 0.6  # the cached ones took no time


def test_a_restarted_desk_goes_on_from_finished_stages() -> None:
    progress = model("work", "work")
    progress.stage_done("s0")
    assert progress.progress == pytest.approx(0.5, abs=0.01)
    progress.started("s0")
    assert progress.progress == pytest.approx(0.5, abs=0.01)


def test_a_stage_that_begins_again_does_not_fall_but_needs_its_time_again() -> None:
    progress = model("work", work={"1": 1.0, "2": 8.0, "3": 1.0})
    progress.started("s0")
    progress.finished("s0", "1")
    progress.finished("s0", "2")
    shown = progress.progress
    progress.started("s0")
    progress.finished("s0", "1")
    assert progress.progress == shown
    assert progress.eta_s(0.0) == 9.0


def test_seconds_left() -> None:
    seconds = {"1": 1.0, "2": 8.0, "3": 1.0}
    progress = model("work", "work", work=seconds)
    assert progress.eta_s() == 20.0
    progress.started("s0")
    progress.finished("s0", "1")
    progress.node("s0", "2")
    assert progress.eta_s(3.0) == 17.0
    progress.node("s0", "2", 6, 8)
    assert progress.eta_s(3.0) == 13.0
    assert progress.eta_s(500.0) == 13.0
    progress.stage_done("s0")
    assert progress.eta_s(0.0) == 10.0
    progress.stage_done("s1")
    assert progress.eta_s(0.0) == 0.0


def test_seconds_left_are_unknown_where_one_node_was_never_timed() -> None:
    progress = model("work", work={"1": 1.0, "2": 8.0})
    assert progress.eta_s() is None
    progress.finished("s0", "3")
    assert progress.eta_s() == 9.0


def test_many_events_on_a_large_job_cost_little() -> None:
    def follow(stages: int) -> None:
        nodes = {str(k): (1.0, 1.0) for k in range(300)}
        progress = ProgressModel({f"s{i}": nodes for i in range(stages)})
        progress.started("s0")
        for value in range(500):
            progress.node("s0", "5", value, 500)
            progress.eta_s(1.0)

    assert_linear(follow, 16)


numbers = st.none() | st.floats() | st.integers(-5, 20)
stages = st.sampled_from(["s0", "s1", "nowhere"])
nodes = st.sampled_from(["1", "2", "3", "4", "x"])
calls = st.one_of(
    st.tuples(st.just("started"), stages),
    st.tuples(st.just("cached"), stages, st.lists(nodes)),
    st.tuples(st.just("node"), stages, nodes, numbers, numbers),
    st.tuples(st.just("finished"), stages, nodes),
    st.tuples(st.just("stage_done"), stages),
)
times = st.dictionaries(nodes, st.floats())


@given(st.lists(calls, max_size=30), times)
@example([], {"1": 1.4e307})
def test_it_never_falls_and_stays_in_bounds(story: list[Any], learned: dict[str, float]) -> None:
    progress = model("work", "slow", work=learned, slow=learned)
    shown = progress.progress
    for name, *arguments in story:
        getattr(progress, name)(*arguments)
        assert shown <= progress.progress <= MOST_WHILE_RUNNING
        shown = progress.progress
        eta_s = progress.eta_s(1.0)
        assert eta_s is None or eta_s >= 0.0
    for stage in ("s0", "s1"):
        progress.stage_done(stage)
    assert progress.progress == MOST_WHILE_RUNNING
