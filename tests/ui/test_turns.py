"""Threads take short turns while the window is open, and Python's own afterwards."""

from __future__ import annotations

import contextlib
import sys
import threading

from ui.turns import LONG_TURN_S, TURN_S, one_long_turn, short_turns


def test_turns_are_short_inside_and_as_before_outside() -> None:
    before = sys.getswitchinterval()
    assert before > TURN_S
    with short_turns():
        assert sys.getswitchinterval() == TURN_S
    assert sys.getswitchinterval() == before


def test_a_long_turn_is_one_for_its_block_also_when_that_fails() -> None:
    with short_turns():
        with contextlib.suppress(ZeroDivisionError), one_long_turn():
            assert sys.getswitchinterval() == LONG_TURN_S
            raise ZeroDivisionError
        assert sys.getswitchinterval() == TURN_S


def test_other_threads_wait_for_the_end_of_a_long_turn() -> None:
    """Threads that work by bits, as the core's do, would else take most of a painting's time."""
    steps, over = [0] * 4, threading.Event()

    def work(number: int) -> None:
        while not over.is_set():
            sum(range(20_000))
            steps[number] += 1
            over.wait(0.0002)

    def paint() -> int:
        """Some milliseconds of this thread's work; how many steps the others made meanwhile."""
        before = sum(steps)
        for _ in range(8):
            sum(range(60_000))
        return sum(steps) - before

    others = [threading.Thread(target=work, args=(number,)) for number in range(len(steps))]
    short = long = 0
    with short_turns():
        for thread in others:
            thread.start()
        try:
            for _ in range(30):
                over.wait(0.005)
                short += paint()
                over.wait(0.005)
                with one_long_turn():
                    long += paint()
        finally:
            over.set()
            for thread in others:
                thread.join()
    assert long < short / 2
