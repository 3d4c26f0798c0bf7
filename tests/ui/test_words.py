"""Times, sizes and ids as people read them."""

from __future__ import annotations

import pytest

from ui import words


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, ""), (0, "0:00"), (64, "1:04"), (3723, "1:02:03"), (-5, "0:00"), (100_000, "1 d 3 h")],
)
def test_durations(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.5, "now"), (12, "12 s"), (190, "3 min"), (7300, "2 h"), (200_000, "2 d")],
)
def test_ages(seconds: float, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "< 1 min"), (59, "< 1 min"), (130, "~2 min"), (7100, "~118 min"), (9000, "~2 h")],
)
def test_estimates(seconds: float, said: str) -> None:
    assert words.about(seconds) == said


def test_a_long_word_can_be_broken_and_short_ones_are_left_alone() -> None:
    job_id = "7d1f0c3e-0000-4000-8000-0000000000e2"
    text = f"There is no job {job_id}: it was cleaned away."
    broken = words.breakable(text)
    assert broken.replace("\u200b", "") == text
    assert max(len(part) for part in broken.replace("\u200b", " ").split()) <= words.LONG_WORD
    assert words.breakable("short words stay") == "short words stay"
    an_id = "01234567-89ab-4cde-8f01-23456789abcd"  # between its groups alone
    assert words.breakable(an_id).split("\u200b") == [
        *("01234567-", "89ab-", "4cde-", "8f01-", "23456789abcd"),
    ]


@pytest.mark.parametrize(
    ("size", "said"),
    [(0, "1 KB"), (1_400, "1 KB"), (6_200_000, "6.2 MB"), (38_000_000_000, "38.0 GB")],
)
def test_sizes(size: int, said: str) -> None:
    assert words.size(size) == said


def test_an_id_loses_its_middle() -> None:
    assert words.short_id("7d1f0c3e-1111-4222-8333-4444444444e2") == "7d1f…e2"


def test_counts() -> None:
    assert words.counted(1, "job") == "1 job"
    assert words.counted(1284, "job") == "1,284 jobs"
