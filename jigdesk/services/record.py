"""The plan as the journal keeps it: manifest.json plus the templates that it was made with.

A template that its owner edits, or an update of the desk, never touches a job under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jigdesk.domain.planning import Plan
from jigdesk.domain.template import Template, parse_template


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with the templates of its stages, by name."""

    plan: Plan
    templates: Mapping[str, Template]

    def to_json(self) -> dict[str, Any]:
        """What `Change.plan` takes."""
        return {
            "manifest": self.plan.to_document(),
            "templates": {
                name: {
                    "toml": template.toml_source.decode(),
                    "graph": template.graph_source.decode(),
                }
                for name, template in self.templates.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlanRecord:
        """The inverse of `to_json`; raises only for what this program did not write."""
        templates = {
            name: parse_template(name, source["toml"].encode(), source["graph"].encode())
            for name, source in data["templates"].items()
        }
        return cls(Plan.from_document(data["manifest"]), templates)
