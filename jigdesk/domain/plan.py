"""A job's plan: its manifest after every name, reference and parameter was settled.

manifest.json is a plan as JSON; a restarted desk reads it back and goes on with the same seeds.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from jigdesk.domain.ids import check_job_id, is_stage_name
from jigdesk.domain.manifest import (
    BranchOf,
    FileInput,
    Scalar,
    StageInput,
    branch_document,
    invalid,
    is_scalar,
    source_document,
)
from jigdesk.domain.wording import quoted


@dataclass(frozen=True, slots=True)
class ResolvedInput:
    """One result file of another stage: of this job, or of the job that it branches from."""

    stage: str
    output: str
    index: int


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage, ready to be bound.

    `index` is its place in the plan; `depends_on` names stages of the same job; `timeout_s` is
    None where the settings' own limit applies.
    """

    name: str
    index: int
    workflow: str
    workflow_sha256: str
    params: Mapping[str, Scalar]
    inputs: Mapping[str, FileInput | ResolvedInput]
    depends_on: tuple[str, ...]
    timeout_s: float | None = None

    def sha256_of(self, name: str) -> str:
        """The SHA-256 (hex) of the file of input `name`; raises ValueError before it is known."""
        source = self.inputs[name]
        if not isinstance(source, FileInput) or source.sha256 is None:
            raise ValueError(f"input {name!r} of stage {self.name!r} has no known file")
        return source.sha256


@dataclass(frozen=True, slots=True)
class Plan:
    """A job's stages in an order in which they can run; `branch_of` is None for no branch."""

    job_id: str
    stages: tuple[PlannedStage, ...]
    branch_of: BranchOf | None = None

    def stage(self, name: str) -> PlannedStage:
        """The stage of that name; raises KeyError when there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def is_parents(self, stage: PlannedStage, source: ResolvedInput) -> bool:
        """Whether what `stage` takes is stored by the job that this one branches from.

        A stage of this job hides the parent's of the same name from every stage but itself.
        """
        if self.branch_of is None or source.stage != self.branch_of.stage:
            return False
        return source.stage == stage.name or all(own.name != source.stage for own in self.stages)

    def files(self) -> tuple[str, ...]:
        """Every uploaded file that it needs, once each, in order."""
        paths = (
            source.path
            for stage in self.stages
            for source in stage.inputs.values()
            if isinstance(source, FileInput)
        )
        return tuple(dict.fromkeys(paths))

    def with_files(self, found: Mapping[str, tuple[int, str]]) -> Plan:
        """The same plan, knowing files: path → (size in bytes, SHA-256 in hex)."""

        def known(source: FileInput | ResolvedInput) -> FileInput | ResolvedInput:
            if isinstance(source, ResolvedInput) or source.path not in found:
                return source
            size_bytes, sha256 = found[source.path]
            return FileInput(source.path, size_bytes, sha256)

        stages = tuple(
            replace(stage, inputs={name: known(item) for name, item in stage.inputs.items()})
            for stage in self.stages
        )
        return replace(self, stages=stages)

    def to_document(self) -> dict[str, Any]:
        """The content of manifest.json."""
        return {
            "version": 1,
            "job_id": self.job_id,
            "stages": [
                {
                    "name": stage.name,
                    "workflow": stage.workflow,
                    "workflow_sha256": stage.workflow_sha256,
                    "timeout_s": stage.timeout_s,
                    "params": dict(stage.params),
                    "inputs": {name: _source(item) for name, item in stage.inputs.items()},
                }
                for stage in self.stages
            ],
            "branch_of": branch_document(self.branch_of),
        }

    @classmethod
    def from_document(cls, data: object) -> Plan:
        """The inverse of `to_document`; raises JobError(INVALID_MANIFEST) for anything else."""
        document = _table(data, "")
        version = document.get("version")
        if isinstance(version, bool) or version != 1:
            raise invalid(f"This desk reads version 1, not {quoted(version)}.", "version")
        branch = document.get("branch_of")
        branch_of = None
        if branch is not None:
            branch = _table(branch, "branch_of")
            branch_of = BranchOf(
                check_job_id(branch.get("job_id"), "branch_of.job_id"),
                _name(branch.get("stage"), "branch_of.stage"),
            )
        listed = document.get("stages")
        if not isinstance(listed, list) or not listed:
            raise invalid("A plan has a list of stages.", "stages")
        entries = [_table(item, f"stages[{place}]") for place, item in enumerate(listed)]
        names = {item.get("name") for item in entries}
        stages = tuple(_stage(place, item, names) for place, item in enumerate(entries))
        return cls(check_job_id(document.get("job_id")), stages, branch_of)


def depends_on(
    inputs: Mapping[str, FileInput | ResolvedInput], names: Collection[str], own: str
) -> tuple[str, ...]:
    """The stages among `names` that the inputs of stage `own` come from, once each.

    One that takes its own name takes the parent's result, and waits for nobody.
    """
    return tuple(
        dict.fromkeys(
            source.stage
            for source in inputs.values()
            if isinstance(source, ResolvedInput) and source.stage in names and source.stage != own
        )
    )


def _stage(place: int, item: Mapping[str, Any], names: set[Any]) -> PlannedStage:
    at = f"stages[{place}]"
    inputs = {
        name: _read_source(source, f"{at}.inputs.{name}")
        for name, source in _table(item.get("inputs"), f"{at}.inputs").items()
    }
    params = _table(item.get("params"), f"{at}.params")
    for name, value in params.items():
        if not is_scalar(value):
            raise invalid(f"{quoted(value)} is not a parameter's value.", f"{at}.params.{name}")
    sha256, timeout_s = item.get("workflow_sha256"), item.get("timeout_s")
    if not isinstance(sha256, str):
        raise invalid("A planned stage says its workflow's SHA-256.", f"{at}.workflow_sha256")
    if timeout_s is not None and (
        isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float)
    ):
        raise invalid("This is a number of seconds, or null.", f"{at}.timeout_s")
    own = _name(item.get("name"), f"{at}.name")
    return PlannedStage(
        own,
        place,
        _name(item.get("workflow"), f"{at}.workflow"),
        sha256,
        dict(params),
        inputs,
        depends_on(inputs, names, own),
        timeout_s,
    )


def _source(source: FileInput | ResolvedInput) -> dict[str, Any]:
    if isinstance(source, FileInput):
        return source_document(source)
    return source_document(StageInput(source.stage, source.output, source.index))


def _read_source(data: object, field: str) -> FileInput | ResolvedInput:
    match _table(data, field):
        case {"file": str(path), **rest}:
            size_bytes, sha256 = rest.get("size_bytes"), rest.get("sha256")
            return FileInput(
                path,
                size_bytes if isinstance(size_bytes, int) else None,
                sha256 if isinstance(sha256, str) else None,
            )
        case {"stage": str(stage), "output": str(output), "index": int(index)}:
            return ResolvedInput(stage, output, index)
    raise invalid("A planned input is a file, or a stage with output and index.", field)


def _table(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise invalid("This must be a JSON object.", field or None)
    return value


def _name(value: object, field: str) -> str:
    if not isinstance(value, str) or not is_stage_name(value):
        raise invalid(f"{quoted(value)} is not a name.", field)
    return value
