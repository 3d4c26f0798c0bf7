"""What a stage's results are made of, so that a later attempt knows which of them still count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from jigdesk.domain.changes import ResultFile
from jigdesk.domain.manifest import FileInput
from jigdesk.domain.plan import Plan, PlannedStage, ResolvedInput


def recipes(plan: Plan, parent_files: Sequence[ResultFile] = ()) -> dict[str, str]:
    """Stage → a digest of its workflow, its parameters and everything that it takes.

    Two of a name are equal as long as nothing of it, or before it, was changed. A file counts by
    its content. `parent_files` are the results that the plan takes of another job.
    """
    contents = {(file.stage, file.output, file.index): file.sha256 for file in parent_files}
    known: dict[str, str] = {}
    for stage in plan.stages:  # each after what it takes
        ingredients = {
            "workflow": stage.workflow_sha256,
            "params": dict(stage.params),
            "inputs": {
                name: _ingredient(plan, stage, source, known, contents)
                for name, source in stage.inputs.items()
            },
        }
        text = json.dumps(ingredients, sort_keys=True)
        known[stage.name] = hashlib.sha256(text.encode()).hexdigest()
    return known


def _ingredient(
    plan: Plan,
    stage: PlannedStage,
    source: FileInput | ResolvedInput,
    known: Mapping[str, str],
    contents: Mapping[tuple[str, str, int], str],
) -> list[object]:
    if isinstance(source, FileInput):
        return ["file", source.sha256]
    result = (source.stage, source.output, source.index)
    if plan.is_parents(stage, source):
        return ["parent", contents.get(result)]
    return ["stage", known[source.stage], source.output, source.index]
