"""graph.json: the nodes and edges of all stages, for drawing and for branching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jigdesk.domain.api_graph import links
from jigdesk.domain.manifest import branch_document
from jigdesk.domain.plan import Plan, PlannedStage, ResolvedInput
from jigdesk.domain.template import Template


def graph_document(job_id: str, plan: Plan, templates: Mapping[str, Template]) -> dict[str, Any]:
    """The content of graph.json; `templates` has every workflow of the plan.

    An edge between stages whose result another job stored has that job's id as `from_job_id`.
    """
    return {
        "version": 1,
        "job_id": job_id,
        "branch_of": branch_document(plan.branch_of),
        "stages": [_stage(stage, templates[stage.workflow]) for stage in plan.stages],
        "edges": [
            _edge(plan, stage, name, source)
            for stage in plan.stages
            for name, source in stage.inputs.items()
            if isinstance(source, ResolvedInput)
        ],
    }


def _stage(stage: PlannedStage, template: Template) -> dict[str, Any]:
    outputs = {output.node: name for name, output in template.outputs.items()}
    nodes = []
    for node_id, node in template.graph.items():
        entry = {
            "id": node_id,
            "class_type": node["class_type"],
            "title": template.node_title(node_id),
        }
        if node_id in outputs:
            entry["output"] = outputs[node_id]
        nodes.append(entry)
    return {
        "name": stage.name,
        "workflow": stage.workflow,
        "title": template.title,
        "depends_on": list(stage.depends_on),
        "nodes": nodes,
        "edges": [
            {"from": source, "from_slot": slot, "to": node_id, "input": name}
            for node_id, node in template.graph.items()
            for name, source, slot in links(node)
        ],
    }


def _edge(plan: Plan, stage: PlannedStage, name: str, source: ResolvedInput) -> dict[str, Any]:
    edge = {
        "from_stage": source.stage,
        "output": source.output,
        "index": source.index,
        "to_stage": stage.name,
        "input": name,
    }
    if plan.branch_of is not None and plan.is_parents(stage, source):
        edge["from_job_id"] = plan.branch_of.job_id
    return edge
