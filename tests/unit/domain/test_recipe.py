"""Which results of an earlier attempt are still what the plan wants."""

from __future__ import annotations

from dataclasses import replace

import pytest

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.manifest import BranchOf, FileInput, Scalar
from jigdesk.domain.plan import Plan, PlannedStage, ResolvedInput, depends_on
from jigdesk.domain.recipe import recipes

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
PARENT = "7d1f0c3e-0000-4000-8000-0000000000e3"
PHOTO = FileInput("photo.png", 3, "a" * 64)
OF_SOFT = ResolvedInput("soft", "result", 0)


def stage(
    name: str, sources: dict[str, FileInput | ResolvedInput], params: dict[str, Scalar]
) -> PlannedStage:
    after = depends_on(sources, ("soft", "left", "right"), name)
    return PlannedStage(name, 0, "work", "0" * 64, params, sources, after)


SOFT = stage("soft", {"image": PHOTO}, {"radius": 3, "seed": 7})
LEFT = stage("left", {"image": OF_SOFT}, {"steps": 4})
RIGHT = stage("right", {"image": PHOTO}, {"steps": 4})
PLAN = Plan(JOB, (SOFT, LEFT, RIGHT))


def changed(*stages: PlannedStage) -> set[str]:
    """The stages whose recipe is another one than in PLAN."""
    before, after = recipes(PLAN), recipes(Plan(JOB, stages))
    return {name for name in before if before[name] != after[name]}


def test_the_same_plan_read_back_is_the_same() -> None:
    assert recipes(Plan.from_document(PLAN.to_document())) == recipes(PLAN)
    turned = replace(SOFT, params={"seed": 7, "radius": 3})
    assert changed(turned, LEFT, RIGHT) == set()


@pytest.mark.parametrize(
    "soft",
    [
        replace(SOFT, params={"radius": 5, "seed": 7}),
        replace(SOFT, params={"radius": 3.0, "seed": 7}),
        replace(SOFT, params={"radius": 3}),
        replace(SOFT, workflow_sha256="1" * 64),
        replace(SOFT, inputs={"image": FileInput("photo.png", 3, "b" * 64)}),
        replace(SOFT, inputs={"mask": PHOTO}),
    ],
)
def test_a_change_reaches_what_comes_after_and_nothing_else(soft: PlannedStage) -> None:
    assert changed(soft, LEFT, RIGHT) == {"soft", "left"}


def test_a_file_counts_by_its_content_and_a_timeout_not_at_all() -> None:
    moved = replace(SOFT, inputs={"image": FileInput("other.png", 3, "a" * 64)}, timeout_s=9.0)
    assert changed(moved, LEFT, RIGHT) == set()


def test_which_result_is_taken_counts() -> None:
    second = replace(LEFT, inputs={"image": ResolvedInput("soft", "result", 1)})
    assert changed(SOFT, second, RIGHT) == {"left"}


def test_a_parents_result_counts_by_its_content() -> None:
    plan = Plan(JOB, (LEFT, RIGHT), BranchOf(PARENT, "soft"))

    def with_digest(sha256: str) -> dict[str, str]:
        key = f"outputs/{PARENT}/soft/result.png"
        file = ResultFile(key, "soft", "result", "3", 0, "image", "image/png", 3, sha256)
        return recipes(plan, (file,))

    one, same, other = with_digest("a" * 64), with_digest("a" * 64), with_digest("b" * 64)
    assert one == same
    assert one["left"] != other["left"]
    assert one["right"] == other["right"]
