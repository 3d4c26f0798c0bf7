"""Threads take short turns while the window is open, and Python's own afterwards."""

from __future__ import annotations

import sys

from ui.turns import TURN_S, short_turns


def test_turns_are_short_inside_and_as_before_outside() -> None:
    before = sys.getswitchinterval()
    assert before > TURN_S
    with short_turns():
        assert sys.getswitchinterval() == TURN_S
    assert sys.getswitchinterval() == before
