"""Times as the contract writes them: UTC, RFC 3339 with `Z`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present time, aware and in UTC; tests inject their own."""


def utc_now() -> datetime:
    """The present time in UTC."""
    return datetime.now(UTC)


def to_rfc3339(moment: datetime) -> str:
    """`2026-03-01T12:00:00.123Z`; raises ValueError for a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be written")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """The inverse of `to_rfc3339`; raises ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError as beyond:  # its zone takes it out of the years 1 to 9999
        raise ValueError(f"{text!r} is no time in UTC") from beyond
