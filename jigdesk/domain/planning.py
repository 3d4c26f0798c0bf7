"""From a manifest to a plan: workflows found, references resolved, parameters bound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from jigdesk.domain.described import InputSpec
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.manifest import (
    FileInput,
    Manifest,
    StageInput,
    StageRequest,
    check_references,
    invalid,
)
from jigdesk.domain.params import Draw, ParamType, bound_params
from jigdesk.domain.plan import Plan, PlannedStage, ResolvedInput, depends_on
from jigdesk.domain.template import Template
from jigdesk.domain.wording import nearest

__all__ = ["Plan", "PlannedStage", "ResolvedInput", "make_plan"]

_ACCEPTS = {"mask": ("mask", "image")}
"""Kinds that an input takes beside its own, the best first."""


def make_plan(
    manifest: Manifest,
    templates: Mapping[str, Template],
    unavailable: Mapping[str, str],
    draw: Draw,
    *,
    before: Plan | None = None,
    parent_outputs: Mapping[str, str] | None = None,
) -> Plan:
    """Settle everything that a manifest leaves open.

    `unavailable` says, by workflow, why one that lies here cannot run now, in a sentence fit for
    a visitor. `before` is the plan of an earlier try of the same job: seeds that were drawn for
    it stay. `parent_outputs` has the outputs (name → kind, the first one first) of the stage
    that the job branches from; None when they are not known.

    Raises JobError: UNKNOWN_WORKFLOW; INVALID_PARAMETER; INVALID_MANIFEST for an input that is
    not declared, for one that is left out where there is nothing before to take, and for a
    reference that does not fit.
    """
    chosen = [
        _template(stage.workflow, templates, unavailable, f"stages[{place}].workflow")
        for place, stage in enumerate(manifest.stages)
    ]
    stages = tuple(_filled(manifest, chosen))
    check_references(stages, manifest.branch_of)
    offers = {
        stage.name: {name: output.kind for name, output in template.outputs.items()}
        for stage, template in zip(stages, chosen, strict=True)
    }
    parent: dict[str, dict[str, str]] = {}
    if manifest.branch_of is not None:
        parent[manifest.branch_of.stage] = dict(parent_outputs or {})
    settled = {}
    for place, (stage, template) in enumerate(zip(stages, chosen, strict=True)):
        at = f"stages[{place}]"
        # its own name can only be the parent's stage; another's name is first of all our own
        offered = {name: kinds for name, kinds in offers.items() if name != stage.name}
        inputs = _Inputs(stage, template, {**parent, **offered}, f"{at}.inputs").resolved()
        settled[stage.name] = PlannedStage(
            stage.name,
            0,
            template.name,
            template.sha256,
            bound_params(
                template.params, _with_seeds(stage, template, before), draw, f"{at}.params"
            ),
            inputs,
            depends_on(inputs, [other.name for other in stages], stage.name),
            template.timeout_s,
        )
    return Plan(manifest.job_id, tuple(_in_order(settled.values())), manifest.branch_of)


def _filled(manifest: Manifest, chosen: Iterable[Template]) -> Iterator[StageRequest]:
    """The stages, each input that is left out taking what the stage before it makes.

    For the first one that is the stage that the job branches from.
    """
    before = None if manifest.branch_of is None else manifest.branch_of.stage
    for stage, template in zip(manifest.stages, chosen, strict=True):
        left_out = [name for name in template.inputs if name not in stage.inputs]
        if before is None or not left_out:
            yield stage
        else:
            taken = dict.fromkeys(left_out, StageInput(before))
            yield replace(stage, inputs={**stage.inputs, **taken})
        before = stage.name


def _template(
    name: str, templates: Mapping[str, Template], unavailable: Mapping[str, str], field: str
) -> Template:
    if name in templates and name not in unavailable:
        return templates[name]
    if name in unavailable:
        message = f"The workflow {name!r} is not available now: {unavailable[name]}"
    else:
        hint = nearest(name, templates.keys() - unavailable.keys())
        message = f"There is no workflow {name!r}.{hint}"
    raise JobError(ErrorCode.UNKNOWN_WORKFLOW, message, field=field)


def _with_seeds(
    stage: StageRequest, template: Template, before: Plan | None
) -> Mapping[str, object]:
    """The stage's parameters, with what was drawn for it in an earlier try."""
    earlier = [
        planned
        for planned in (before.stages if before is not None else ())
        if planned.name == stage.name and planned.workflow_sha256 == template.sha256
    ]
    drawn = {
        name: planned.params[name]
        for planned in earlier
        for name, spec in template.params.items()
        if spec.type is ParamType.SEED and name in planned.params
    }
    return {**drawn, **stage.params}


@dataclass(frozen=True, slots=True)
class _Inputs:
    stage: StageRequest
    template: Template
    offers: Mapping[str, Mapping[str, str]]
    at: str

    def resolved(self) -> dict[str, FileInput | ResolvedInput]:
        declared = self.template.inputs
        for name in self.stage.inputs:
            if name not in declared:
                hint = nearest(name, declared) if declared else " It takes none."
                message = f"{self.template.name} has no input {name!r}.{hint}"
                raise invalid(message, f"{self.at}.{name}")
        found: dict[str, FileInput | ResolvedInput] = {}
        for name, spec in declared.items():
            source = self.stage.inputs.get(name)
            if source is None:
                message = f"{self.template.name} needs an input {name!r} ({spec.kind})."
                raise invalid(message, f"{self.at}.{name}")
            found[name] = source if isinstance(source, FileInput) else self._output(source, spec)
        return found

    def _output(self, source: StageInput, spec: InputSpec) -> ResolvedInput:
        field = f"{self.at}.{spec.name}"
        offered = self.offers[source.stage]
        if not offered:
            raise invalid(f"The stage {source.stage!r} has no stored results.", field)
        accepted = _ACCEPTS.get(spec.kind, (spec.kind,))
        if source.output is not None:
            kind = offered.get(source.output)
            if kind is None:
                hint = nearest(source.output, offered)
                message = f"The stage {source.stage!r} has no output {source.output!r}.{hint}"
                raise invalid(message, f"{field}.output")
            if kind not in accepted:
                message = (
                    f"{spec.name} takes {spec.kind}, but the output {source.output!r} of stage "
                    f"{source.stage!r} is {kind}."
                )
                raise invalid(message, f"{field}.output")
            return ResolvedInput(source.stage, source.output, source.index or 0)
        for kind in accepted:
            for output, its_kind in offered.items():
                if its_kind == kind:
                    return ResolvedInput(source.stage, output, source.index or 0)
        kinds = " and ".join(dict.fromkeys(offered.values()))
        message = f"{spec.name} takes {spec.kind}, but the stage {source.stage!r} makes {kinds}."
        raise invalid(message, field)


def _in_order(stages: Iterable[PlannedStage]) -> list[PlannedStage]:
    """Stages after what they depend on, otherwise in the manifest's order."""
    waiting = list(stages)
    order: list[PlannedStage] = []
    done: set[str] = set()
    while waiting:
        ready = next(stage for stage in waiting if done.issuperset(stage.depends_on))
        waiting.remove(ready)
        done.add(ready.name)
        order.append(replace(ready, index=len(order)))
    return order
