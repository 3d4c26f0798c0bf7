"""The filters over the queue: those that everybody has, and the owner's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from jigdesk.domain.changes import JobQuery
from jigdesk.domain.job import ACTIVE, JobStatus
from ui.figures import Figures, start_of_day

MAX_SAVED = 12
MAX_NAME = 40


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are shown. `states` empty means all; `today` those that came today."""

    name: str
    states: tuple[JobStatus, ...] = ()
    text: str = ""
    today: bool = False

    def query(self, before: JobQuery, text: str, now: datetime) -> JobQuery:
        """The query that shows it in the order of `before`, narrowed by a typed text."""
        return replace(
            before,
            states=self.states,
            text=" ".join(part for part in (self.text, text.strip()) if part),
            created_from=start_of_day(now) if self.today else None,
        )

    def counted(self, figures: Figures) -> int | None:
        """How many jobs it finds; None when that is not kept."""
        if self.text:
            return None
        if self.today:
            return None if self.states else figures.today
        if not self.states:
            return figures.kept
        return sum(figures.counts.get(status, 0) for status in self.states)


_ACTIVE = tuple(status for status in JobStatus if status in ACTIVE)
BUILT_IN = (
    Filter("All"),
    Filter("Active", _ACTIVE),
    Filter("Failed", (JobStatus.FAILED,)),
    Filter("Completed", (JobStatus.COMPLETED,)),
    Filter("Today", today=True),
)


def to_json(filters: Sequence[Filter]) -> list[dict[str, Any]]:
    """What is remembered of the owner's filters."""
    return [
        {
            "name": item.name,
            "states": [status.value for status in item.states],
            "text": item.text,
            "today": item.today,
        }
        for item in filters
    ]


def from_json(document: Any) -> list[Filter]:
    """The inverse of `to_json`; what cannot be read is left out."""
    found: list[Filter] = []
    for item in document if isinstance(document, list) else ():
        if not isinstance(item, Mapping) or not isinstance(item.get("name"), str):
            continue
        known = {status.value: status for status in JobStatus}
        states = item.get("states")
        names = states if isinstance(states, list) else []
        found.append(
            Filter(
                item["name"][:MAX_NAME],
                tuple(known[name] for name in names if name in known),
                str(item.get("text", "")),
                item.get("today") is True,
            )
        )
    return found[:MAX_SAVED]
