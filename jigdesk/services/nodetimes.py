"""When each node of a stage ran: for the timeline, and for what the desk learns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from jigdesk.domain.clock import Clock, to_rfc3339
from jigdesk.domain.template import Template


class NodeTimes:
    """Collects one stage's node times from the order of its events."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.started_at: datetime | None = None
        self._ended_at: datetime | None = None
        self._began: dict[str, datetime] = {}
        self._seconds: dict[str, float] = {}
        self._cached: set[str] = set()

    def started(self) -> None:
        """The engine began with the prompt."""
        self.started_at = self._clock()

    def cached(self, nodes: Iterable[str]) -> None:
        """These did not run."""
        self._cached.update(nodes)

    def running(self, node: str) -> None:
        """A node runs (told for every step)."""
        self._began.setdefault(node, self._clock())
        self._cached.discard(node)

    def finished(self, node: str) -> None:
        """A node ended."""
        began = self._began.get(node)
        if began is not None and node not in self._seconds:
            # a clock that was set back meanwhile tells nothing
            self._seconds[node] = max(0.0, (self._clock() - began).total_seconds())

    def ended(self) -> None:
        """The prompt ended: what still ran then ended with it."""
        self._ended_at = self._clock()
        for node in self._began:
            self.finished(node)

    def seconds(self) -> dict[str, float]:
        """Seconds of every node that ran to its end."""
        return dict(self._seconds)

    def load_s(self, template: Template) -> float:
        """Seconds in nodes that load models and media."""
        return sum(s for node, s in self._seconds.items() if _loads(template, node))

    def run_s(self, template: Template) -> float:
        """Seconds of the prompt that were not loading."""
        if self.started_at is None or self._ended_at is None:
            return 0.0
        whole_s = (self._ended_at - self.started_at).total_seconds()
        return max(0.0, whole_s - self.load_s(template))

    def nodes(self) -> dict[str, Mapping[str, Any]]:
        """What StageRun keeps of each node."""
        result: dict[str, Mapping[str, Any]] = {
            node: {"state": "cached", "started_at": None, "seconds": 0.0} for node in self._cached
        }
        for node, began in self._began.items():
            seconds = self._seconds.get(node)
            result[node] = {
                "state": "failed" if seconds is None else "done",
                "started_at": to_rfc3339(began),
                "seconds": None if seconds is None else round(seconds, 4),
            }
        return result


def _loads(template: Template, node: str) -> bool:
    class_type = template.node_class(node)
    return class_type.startswith("Load") or "Loader" in class_type
