"""Events: what a browser, the window and the log follow, and how one is made to fit a message."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

INPUTS = "job:inputs"
ACCEPTED = "job:accepted"
PROGRESS = "job:progress"
NEW_FILES = "job:new_files"
COMPLETED = "job:completed"
FAILED = "job:failed"
DONE_SHORT = "job_done"
ERROR_SHORT = "job_error"

LAST = frozenset({DONE_SHORT, ERROR_SHORT})
"""After one of these a job's stream ends, unless a later attempt follows."""

MAX_DATA_BYTES = 10_000
"""Pusher refuses data over 10 KB; so does every reader of ours."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event before the journal gave it its `seq`; `data` lacks job_id and seq."""

    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """An event as it stands in the journal; `data` lacks job_id, seq and URLs."""

    job_id: str
    seq: int
    name: str
    at: datetime
    data: Mapping[str, Any]


def channel(job_id: str, *, private: bool) -> str:
    """The Pusher channel: private for a signed-in owner's job."""
    return f"private-job-{job_id}" if private else f"job-{job_id}"


def payload(event: Event) -> dict[str, Any]:
    """The data as it is sent: with job_id and seq, made to fit."""
    return fit({"job_id": event.job_id, "seq": event.seq, **event.data})


def fit(data: Mapping[str, Any], max_bytes: int = MAX_DATA_BYTES) -> dict[str, Any]:
    """Make `data` fit: first its URLs go, then files from the end, then long texts.

    Whatever was left out is said by `truncated: true`; the reader asks the jobs API.
    """
    whole = dict(data)
    if _size(whole) <= max_bytes:
        return whole
    cut = {name: _without_urls(value) for name, value in whole.items() if name != "preview_url"}
    cut["truncated"] = True
    lists = [name for name in ("files", "new_files", "keys_changed") if cut.get(name)]
    for name in lists:
        items = list(cut[name])
        low, high = 0, len(items)
        while low < high:  # the longest head that fits
            middle = (low + high + 1) // 2
            if _size({**cut, name: items[:middle]}) <= max_bytes:
                low = middle
            else:
                high = middle - 1
        cut[name] = items[:low]
    for name, value in cut.items():
        if isinstance(value, str) and _size(cut) > max_bytes and len(value) > 500:  # noqa: PLR2004
            cut[name] = value[:499] + "…"
    return cut


def _without_urls(value: Any) -> Any:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [
            {k: v for k, v in item.items() if k != "url"} if isinstance(item, Mapping) else item
            for item in value
        ]
    return value


def _size(data: Mapping[str, Any]) -> int:
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
