"""Why no job starts although the desk runs, and what keeps the machine awake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from jigdesk.domain.clock import to_rfc3339

HoldBy = Literal["pause", "quiet_hours", "yield_to"]
"""`pause` is the owner's word (or that of two jobs out of memory); the others are settings."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One reason why no job starts: what runs goes on, and new jobs are accepted.

    `until` is None when nobody knows. A `lifted` hold holds nothing: the owner resumed the queue
    in spite of it, until the next time that it begins.
    """

    by: HoldBy
    reason: str
    until: datetime | None = None
    lifted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As the control API shows it."""
        until = None if self.until is None else to_rfc3339(self.until)
        return {"by": self.by, "reason": self.reason, "until": until, "lifted": self.lifted}


@dataclass(frozen=True, slots=True)
class Sighting:
    """Programs, by name, to which the GPU is left; `on_gpu` where they were seen on it."""

    names: tuple[str, ...] = ()
    on_gpu: bool = False


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Whether the machine is kept from falling asleep, in a sentence too."""

    held: bool
    says: str
