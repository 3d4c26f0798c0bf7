"""What counts as silence of an engine: the time in which it was really asked."""

from __future__ import annotations

from jigdesk.adapters.process.vigil import JUMP_S, Silence


def test_silence_adds_up_until_it_is_broken() -> None:
    silence = Silence()
    for _ in range(30):
        silence.passed(1.0, waited_s=1.0)
    assert silence.seconds == 30
    silence.broken()
    assert silence.seconds == 0


def test_a_late_look_counts_no_more_than_was_to_be_waited() -> None:
    silence = Silence()
    silence.passed(1.0 + JUMP_S, waited_s=1.0)
    assert silence.seconds == 1


def test_after_a_sleep_it_begins_anew() -> None:
    """The engine slept as well: it is to have its whole time from here."""
    silence = Silence()
    for _ in range(599):
        silence.passed(1.0, waited_s=1.0)
    silence.passed(8 * 3600.0, waited_s=1.0)
    assert silence.seconds == 0
