"""How the window says times, sizes and ids."""

from __future__ import annotations

import re
from datetime import datetime

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
JUST_NOW_S = 2
SHORT_ID = 12
LONG_WORD, PIECE = 24, 13


def duration(seconds: float | None) -> str:
    """`1:04`, `2:03:04`, from a day on `3 d 4 h`; empty when unknown."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole >= DAY_S:
        return f"{whole // DAY_S} d {whole % DAY_S // HOUR_S} h"
    hours, rest = divmod(whole, HOUR_S)
    minutes, left = divmod(rest, MINUTE_S)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def age(seconds: float) -> str:
    """`now`, `12 s`, `3 min`, `2 h`, `5 d`."""
    if seconds < JUST_NOW_S:
        return "now"
    if seconds < MINUTE_S:
        return f"{int(seconds)} s"
    if seconds < HOUR_S:
        return f"{int(seconds // MINUTE_S)} min"
    if seconds < DAY_S:
        return f"{int(seconds // HOUR_S)} h"
    return f"{int(seconds // DAY_S)} d"


def about(seconds: float) -> str:
    """An estimate: `< 1 min`, `~3 min`, `~2 h`."""
    if seconds < MINUTE_S:
        return "< 1 min"
    if seconds < 2 * HOUR_S:
        return f"~{round(seconds / MINUTE_S)} min"
    return f"~{round(seconds / HOUR_S)} h"


def local_time(moment: datetime) -> str:
    """The moment on this machine's clock, to the second."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def day_or_time(moment: datetime, now: datetime) -> str:
    """`14:02` today, else the day."""
    here, today = moment.astimezone(), now.astimezone().date()
    return here.strftime("%H:%M") if here.date() == today else here.strftime("%d %b")


def size(size_bytes: int) -> str:
    """`6.2 MB`, with one digit; whole KB below a tenth."""
    if size_bytes < 100_000:  # noqa: PLR2004 - where one digit of MB says nothing
        return f"{max(1, round(size_bytes / 1000))} KB"
    if size_bytes < 10**9:
        return f"{size_bytes / 1e6:.1f} MB"
    return f"{size_bytes / 1e9:.1f} GB"


def short_id(job_id: str) -> str:
    """The middle left out: `7d1f…e2`."""
    return job_id if len(job_id) <= SHORT_ID else f"{job_id[:4]}…{job_id[-2:]}"


def breakable(text: str) -> str:
    """The text with places to break in its long words: ids, paths and URLs have none."""
    return " ".join(
        word if len(word) <= LONG_WORD else "\u200b".join(_pieces(word)) for word in text.split(" ")
    )


def _pieces(word: str) -> list[str]:
    """At the marks between groups; a group that is long itself in pieces."""
    return [
        group[at : at + PIECE]
        for group in re.findall(r"[^-/_.:]*[-/_.:]?", word)
        for at in range(0, len(group), PIECE)
    ]


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1 job`, `1,284 jobs`."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
