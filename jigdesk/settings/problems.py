"""What is wrong with the settings: every problem of a load, said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jigdesk.domain.errors import SetupError


@dataclass(frozen=True, slots=True)
class Problem:
    """One bad value: `key` is `section.key`, `source` where it stands (empty: nowhere yet)."""

    key: str
    message: str
    source: str = ""

    def __str__(self) -> str:
        where = f" [{self.source}]" if self.source else ""
        return f"{self.key}{where}: {self.message}"


class SettingsError(SetupError):
    """The settings cannot be used; `problems` are all that were found, in the order of keys."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "A setting needs" if len(self.problems) == 1 else "Some settings need"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(
            f"{count} a change:{lines}",
            field=self.problems[0].key if self.problems else None,
        )
