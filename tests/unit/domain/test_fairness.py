"""Owners take turns inside one priority."""

from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.fairness import Waiting, in_turn


def _ids(line: list[Waiting]) -> str:
    return "".join(job.job_id for job in line)


def test_a_flood_of_one_owner_does_not_starve_the_next() -> None:
    flood = [Waiting(x, "client:flood", 0, i) for i, x in enumerate("abcde")]
    late = Waiting("Z", "client:late", 0, 99)
    assert _ids(in_turn([*flood, late], {})) == "aZbcde"


def test_whoever_was_served_last_comes_last() -> None:
    line = [Waiting("a", "x", 0, 1), Waiting("b", "y", 0, 2), Waiting("c", None, 0, 3)]
    assert _ids(in_turn(line, {"x": 5, None: 3})) == "bca"


def test_priority_beats_turns() -> None:
    line = [Waiting("a", "x", 0, 1), Waiting("b", "x", 7, 2), Waiting("c", "y", 0, 3)]
    assert _ids(in_turn(line, {"x": 9})) == "bca"


@given(st.lists(st.tuples(st.sampled_from(["x", "y", None]), st.integers(0, 2)), max_size=30))
def test_nobody_is_lost_and_an_owners_own_jobs_keep_their_order(
    jobs: list[tuple[str | None, int]],
) -> None:
    line = [Waiting(str(i), owner, priority, i) for i, (owner, priority) in enumerate(jobs)]
    turn = in_turn(line, {})
    assert sorted(turn, key=lambda job: job.order) == line
    for owner, priority in set(jobs):
        own = [j.order for j in turn if (j.owner, j.priority) == (owner, priority)]
        assert own == sorted(own)
