"""The plan as the journal keeps it: manifest.json plus the templates that it was made with.

A template that its owner edits, or an update of the desk, never touches a job under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.output import file_document
from jigdesk.domain.planning import Plan
from jigdesk.domain.template import Template, parse_template


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with the templates of its stages, by name.

    `parent_files` are the results that it takes from the job that it branches from.
    """

    plan: Plan
    templates: Mapping[str, Template]
    parent_files: tuple[ResultFile, ...] = ()

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
            "parent_files": [file_document(file) for file in self.parent_files],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PlanRecord:
        """The inverse of `to_json`; raises only for what this program did not write."""
        templates = {
            name: parse_template(name, source["toml"].encode(), source["graph"].encode())
            for name, source in data["templates"].items()
        }
        parent = tuple(ResultFile(**file) for file in data.get("parent_files", ()))
        return cls(Plan.from_document(data["manifest"]), templates, parent)
