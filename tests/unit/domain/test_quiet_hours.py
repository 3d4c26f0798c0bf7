"""Quiet hours by the wall clock: over midnight, over weeks, and when the clock is moved."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.quiet_hours import DAYS, QuietHours, clock_words

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours.parse(["22:00-07:00"])


def local(text: str, fold: int = 0) -> datetime:
    """A time as a clock in Berlin shows it; `fold` 1 is the second time of two."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


def until(hours: QuietHours, now: datetime) -> str | None:
    """The end as a clock in Berlin will show it."""
    end = hours.until(now, BERLIN)
    return None if end is None else f"{end.astimezone(BERLIN):%a %H:%M}"


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-14T21:59:59", None),
        ("2026-01-14T22:00:00", "Thu 07:00"),
        ("2026-01-15T00:00:00", "Thu 07:00"),
        ("2026-01-15T06:59:59", "Thu 07:00"),
        ("2026-01-15T07:00:00", None),
    ],
)
def test_a_range_over_midnight(now: str, end: str | None) -> None:
    assert until(NIGHT, local(now)) == end


def test_days_say_when_a_range_begins() -> None:
    hours = QuietHours.parse(["fri 22:00-07:00", "sat, sun 00:00-24:00", "wed-thu 12:00-13:30"])
    # Friday's night and both days are one quiet time
    assert until(hours, local("2026-01-16T23:00")) == "Mon 00:00"
    assert until(hours, local("2026-01-16T01:00")) is None
    assert until(hours, local("2026-01-14T12:15")) == "Wed 13:30"
    assert until(hours, local("2026-01-13T12:15")) is None
    over_the_week = QuietHours.parse(["sat-mon 10:00-11:00"])
    assert until(over_the_week, local("2026-01-19T10:30")) == "Mon 11:00"
    assert until(over_the_week, local("2026-01-20T10:30")) is None


def test_the_next_change() -> None:
    noon = local("2026-01-14T12:00")
    assert NIGHT.next_change(noon, BERLIN) == local("2026-01-14T22:00")
    assert NIGHT.next_change(local("2026-01-14T22:00"), BERLIN) == local("2026-01-15T07:00")
    weekly = QuietHours.parse(["wed 11:00-12:00"])
    assert weekly.next_change(noon, BERLIN) == local("2026-01-21T11:00")
    assert QuietHours().next_change(noon, BERLIN) is None


def test_a_night_in_which_the_clock_is_put_forward_is_an_hour_shorter() -> None:
    start = local("2026-03-28T22:00")
    assert NIGHT.next_change(start - timedelta(seconds=1), BERLIN) == start
    end = NIGHT.until(start, BERLIN)
    assert end is not None
    assert end - start.astimezone(UTC) == timedelta(hours=8)
    # the clock jumps from 02:00 to 03:00: a range in between is none, one that ends there ends
    assert QuietHours.parse(["02:10-02:50"]).until(local("2026-03-29T03:00"), BERLIN) is None
    ends = QuietHours.parse(["22:00-02:30"]).until(start, BERLIN)
    assert ends == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    begins = QuietHours.parse(["02:30-03:15"]).next_change(start, BERLIN)
    assert begins == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert until(QuietHours.parse(["02:30-03:15"]), local("2026-03-29T03:10")) == "Sun 03:15"


def test_an_hour_that_comes_twice_is_quiet_both_times() -> None:
    start = local("2026-10-24T22:00")
    end = NIGHT.until(start, BERLIN)
    assert end is not None
    assert end - start.astimezone(UTC) == timedelta(hours=10)
    hours = QuietHours.parse(["22:00-02:30"])
    second = local("2026-10-25T02:29", fold=1)
    assert hours.until(local("2026-10-25T02:45"), BERLIN) == hours.until(second, BERLIN)
    assert hours.until(second, BERLIN) == local("2026-10-25T02:30", fold=1).astimezone(UTC)
    assert hours.until(local("2026-10-25T02:30", fold=1), BERLIN) is None


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not hasattr(time, "tzset"):
        pytest.skip("this platform's zone cannot be set for one process")
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
def test_no_zone_is_that_of_the_machine() -> None:
    for hours in (NIGHT, QuietHours.parse(["22:00-02:30", "sun 02:45-04:00"])):
        for day in ("2026-01-14", "2026-03-28", "2026-10-24"):
            now = local(f"{day}T20:00")
            for _ in range(40):
                assert hours.until(now) == hours.until(now, BERLIN)
                assert hours.next_change(now) == hours.next_change(now, BERLIN)
                now += timedelta(minutes=17)
    assert clock_words(local("2026-03-29T07:00"), local("2026-03-28T22:00")) == "07:00"


def test_an_end_that_is_far_is_told_with_its_day() -> None:
    now = local("2026-01-17T00:00")
    assert clock_words(local("2026-01-19T00:00"), now, BERLIN) == "Mon 00:00"
    assert clock_words(local("2026-01-17T07:00"), now, BERLIN) == "07:00"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "write it as"),
        ("22-7", "write it as"),
        ("22:00", "write it as"),
        ("22:00-07:00-08:00", "write it as"),
        ("25:00-26:00", "25:00 is no time of day"),
        ("10:61-11:00", "10:61 is no time of day"),
        ("24:00-07:00", "only stand at the end"),
        ("07:00-07:00", "same time"),
        ("saturday 07:00-08:00", "'saturday' is no day"),
        ("sat, 07:00-08:00", "'nothing' is no day"),
        ("mon- 07:00-08:00", "'nothing' is no day"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="(?i)" + why):
        QuietHours.parse([text])


@pytest.mark.parametrize(
    "texts", [["00:00-24:00"], ["07:00-19:00", "19:00-07:00"], ["mon-sun 00:00-24:00"]]
)
def test_hours_that_leave_no_time_are_refused(texts: list[str]) -> None:
    with pytest.raises(ValueError, match="whole week"):
        QuietHours.parse(texts)


MINUTES = st.integers(0, 24 * 60 - 1)


@given(
    ranges=st.lists(st.tuples(st.sampled_from(DAYS), MINUTES, MINUTES), min_size=1, max_size=5),
    days=st.integers(0, 364),
    minutes=MINUTES,
)
def test_changes_and_ends_agree(
    ranges: list[tuple[str, int, int]], days: int, minutes: int
) -> None:
    texts = [
        f"{day} {a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for day, a, b in ranges if a != b
    ]
    hours = QuietHours.parse(texts)
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days, minutes=minutes)
    for _ in range(6):
        change = hours.next_change(now, BERLIN)
        if change is None:
            assert not texts
            return
        end = hours.until(now, BERLIN)
        assert end in (None, change)
        # just before nothing has changed, and then everything has
        assert hours.until(change - timedelta(microseconds=1), BERLIN) == end or end is None
        assert (hours.until(change, BERLIN) is None) == (end is not None)
        now = change
