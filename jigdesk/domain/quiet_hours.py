"""Quiet hours: times of the week, by the clock on the wall, in which no job starts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Self

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN
FORM = '"22:00-07:00", or with days "sat,sun 00:00-24:00" or "mon-fri 09:00-17:30"'

_RANGE = re.compile(
    r"(?:(?P<days>[a-z][a-z, -]*?)\s+)?(?P<start>\d{1,2}:\d\d)\s*-\s*(?P<end>\d{1,2}:\d\d)"
)
_TIME = re.compile(r"(\d{1,2}):(\d\d)")


@dataclass(frozen=True, slots=True)
class QuietRange:
    """One range, in minutes from the midnight with which a day begins.

    `days` are weekdays from 0 (Monday) on which it begins. `end_min` is above `DAY_MIN` for a
    range that ends on the next day.
    """

    days: frozenset[int]
    start_min: int
    end_min: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one range; raises ValueError that says what is wrong with it."""
        match = _RANGE.fullmatch(text.strip().lower())
        if match is None:
            raise ValueError(f"write it as {FORM}")
        start, end = _minutes(match["start"]), _minutes(match["end"])
        if start == DAY_MIN:
            raise ValueError("24:00 may only stand at the end")
        if start == end:
            raise ValueError("it begins and ends at the same time; a whole day is 00:00-24:00")
        if end == 0:
            end = DAY_MIN
        return cls(_days(match["days"]), start, end if end > start else end + DAY_MIN)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Every range of the week together.

    `zone` None in the methods below is the time zone of this machine. Days begin and ranges end
    by the wall clock: one that is put forward ends a range in time, and an hour that comes twice
    is quiet both times.
    """

    ranges: tuple[QuietRange, ...] = ()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Read all ranges; raises ValueError, also when they leave no time of the week."""
        hours = cls(tuple(QuietRange.parse(text) for text in texts))
        if hours.leave_nothing:
            raise ValueError("they cover the whole week, so that no job would ever run")
        return hours

    @property
    def leave_nothing(self) -> bool:
        """Whether there is no minute of the week outside of them."""
        quiet = {
            (day * DAY_MIN + minute) % WEEK_MIN
            for one in self.ranges
            for day in one.days
            for minute in range(one.start_min, one.end_min)
        }
        return len(quiet) == WEEK_MIN

    def until(self, now: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When the quiet time ends in which `now` is; None when it is in none.

        Ranges that meet or overlap are one quiet time.
        """
        return next((end for start, end in self._spans(now, zone) if start <= now < end), None)

    def next_change(self, now: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When a quiet time begins or ends next; None when there is none."""
        edges = (edge for span in self._spans(now, zone) for edge in span)
        return next((edge for edge in edges if edge > now), None)

    def _spans(self, now: datetime, zone: tzinfo | None) -> list[tuple[datetime, datetime]]:
        """The quiet times around `now` in order, a week ahead; they neither meet nor overlap."""
        today = now.astimezone(zone).date()
        found = []
        for ahead in range(-2, 9):  # a range of the day before yesterday may end today, at most
            day = today + timedelta(days=ahead)
            for one in self.ranges:
                if day.weekday() in one.days:
                    start = _moment(day, one.start_min, zone, last=False)
                    found.append((start, _moment(day, one.end_min, zone, last=True)))
        spans: list[tuple[datetime, datetime]] = []
        for start, end in sorted(found):
            if spans and start <= spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            elif start < end:
                spans.append((start, end))
        return spans


def clock_words(moment: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """A time to come as the clock on the wall will show it, with the day when it is far."""
    local = moment.astimezone(zone)
    day = f"{DAYS[local.weekday()].capitalize()} " if moment - now >= timedelta(days=1) else ""
    return f"{day}{local:%H:%M}"


def _moment(day: date, minutes: int, zone: tzinfo | None, *, last: bool) -> datetime:
    """The moment in UTC at which clocks show that many minutes from the midnight of `day`.

    Of two such moments the first, or the `last`. Where clocks jump over it: the jump.
    """
    days, rest = divmod(minutes, DAY_MIN)
    wall = datetime.combine(day + timedelta(days=days), time(rest // 60, rest % 60))
    # a time without a zone is taken for this machine's own by astimezone
    first = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    second = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if second < first:  # that is how Python says that there is no such time (PEP 495)
        return _jump(second, first, wall, zone)
    return second if last else first


def _jump(before: datetime, after: datetime, wall: datetime, zone: tzinfo | None) -> datetime:
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def _minutes(text: str) -> int:
    match = _TIME.fullmatch(text)
    hours, minutes = (int(match[1]), int(match[2])) if match else (0, 0)
    if minutes >= 60 or hours * 60 + minutes > DAY_MIN:  # noqa: PLR2004 - of an hour
        raise ValueError(f"{text} is no time of day")
    return hours * 60 + minutes


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(len(DAYS)))
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = (word.strip() for word in part.partition("-"))
        for word in (first, last) if dash else (first,):
            if word not in DAYS:
                raise ValueError(f"{word or 'nothing'!r} is no day: write {', '.join(DAYS)}")
        begin = DAYS.index(first)
        count = (DAYS.index(last) - begin) % len(DAYS) if dash else 0
        found.update((begin + ahead) % len(DAYS) for ahead in range(count + 1))
    return frozenset(found)
