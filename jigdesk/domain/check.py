"""What a check of health says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from jigdesk.domain.clock import to_rfc3339


@dataclass(frozen=True, slots=True)
class Check:
    """One line of health: `level` is ok, warning or error; `remedy` is empty when ok.

    `checked_at` is None until it was run as a part of health.
    """

    name: str
    level: str
    message: str
    remedy: str = ""
    checked_at: datetime | None = field(default=None, compare=False)

    def to_dict(self) -> dict[str, str | None]:
        """As the control API and the doctor tell it."""
        at = None if self.checked_at is None else to_rfc3339(self.checked_at)
        return {
            "name": self.name,
            "level": self.level,
            "message": self.message,
            "remedy": self.remedy,
            "checked_at": at,
        }
