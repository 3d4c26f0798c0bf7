"""The mark by which a desk learns that browsers look at its job by way of a jobs API far away.

The desk writes it, saying that nobody asked yet, once a job shows previews; the jobs API writes
when its owner asked, now and then; the desk sees that it is not what it was. So neither clock
is compared with another machine's, and where no mark is nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from jigdesk.domain.clock import from_rfc3339, to_rfc3339

NOTED_EVERY_S = 10.0
"""How often the jobs API writes at most, for all that ask for one job."""


def watching_document(job_id: str, asked_at: datetime | None = None) -> dict[str, object]:
    """The mark's content; `asked_at` is None while nobody asked."""
    return {
        "version": 1,
        "job_id": job_id,
        "asked_at": None if asked_at is None else to_rfc3339(asked_at),
    }


def is_noted(document: Mapping[str, Any], now: datetime) -> bool:
    """Whether the mark says so lately that somebody asked that it need not say it again."""
    try:
        asked_at = from_rfc3339(document["asked_at"])
    except (KeyError, TypeError, ValueError):
        return False
    return timedelta() <= now - asked_at < timedelta(seconds=NOTED_EVERY_S)
