"""The plan as the journal keeps it: manifest.json plus the templates that it was made with.

A template that its owner edits, or an update of the desk, never touches a job under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jigdesk.domain.changes import ResultFile, StageRun
from jigdesk.domain.output import file_document
from jigdesk.domain.planning import Plan
from jigdesk.domain.recipe import recipes
from jigdesk.domain.template import Template, parse_template


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """A plan with the templates of its stages, by name.

    `parent_files` are the results that it takes from the job that it branches from.
    """

    plan: Plan
    templates: Mapping[str, Template]
    parent_files: tuple[ResultFile, ...] = ()

    def recipe_of(self, stage: str) -> str:
        """What the stage's results are made of; raises KeyError for no stage of this plan."""
        return recipes(self.plan, self.parent_files)[stage]

    def counting(self, runs: Iterable[StageRun]) -> dict[str, StageRun]:
        """Of the newest run of each stage, those that are runs of this plan, in its order.

        Others are left from an attempt before its owner changed the manifest, a file or a
        template: their results are not what is wanted now.
        """
        found = {run.stage: run for run in runs}
        wanted = recipes(self.plan, self.parent_files)
        return {
            name: found[name]
            for name, recipe in wanted.items()
            if name in found and found[name].recipe in ("", recipe)
        }

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
