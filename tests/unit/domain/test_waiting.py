"""When the jobs of a line begin."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.waiting import Wait, waits

LINE = [("a", 10.0), ("b", 20.0), ("c", 30.0)]


def test_one_slot_takes_them_one_after_the_other() -> None:
    assert waits([5.0], LINE, 1) == {
        "a": Wait(5.0, 15.0),
        "b": Wait(15.0, 35.0),
        "c": Wait(35.0, 65.0),
    }


def test_a_free_slot_is_taken_at_once_and_two_share_the_line() -> None:
    assert waits([100.0], LINE, 2) == {
        "a": Wait(0.0, 10.0),
        "b": Wait(10.0, 30.0),
        "c": Wait(30.0, 60.0),
    }


def test_what_is_behind_an_unknown_job_is_not_guessed() -> None:
    assert waits([5.0], [("a", 10.0), ("b", None), ("c", 30.0)], 1) == {
        "a": Wait(5.0, 15.0),
        "b": Wait(15.0, None),
    }
    assert waits([None], LINE, 1) == {}
    assert waits([None, 3.0], LINE, 2) == {}


def test_more_running_than_slots_have_to_end_first() -> None:
    assert waits([10.0, 20.0, 30.0], [("a", 1.0)], 1)["a"] == Wait(30.0, 31.0)
    assert waits([], [("a", 1.0)], 1)["a"] == Wait(0.0, 1.0)


@given(
    st.lists(st.floats(0, 1e6), max_size=5),
    st.lists(st.floats(0, 1e6), max_size=20),
    st.integers(1, 4),
)
def test_nobody_starts_before_who_is_ahead(
    running: list[float], takes: list[float], slots: int
) -> None:
    found = waits(running, [(str(i), seconds) for i, seconds in enumerate(takes)], slots)
    starts = [wait.starts_s for wait in found.values()]
    assert len(starts) == len(takes)
    assert starts == sorted(starts)
