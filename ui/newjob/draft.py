"""What the dialog asks for, as a request and its files. Without Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jigdesk.app.branching import StoredResult, StoredStage
from jigdesk.app.own_jobs import OwnJob
from jigdesk.domain.described import InputSpec
from jigdesk.domain.keys import INSTRUCTIONS, REQUEST, is_safe_path
from jigdesk.domain.manifest import Scalar
from jigdesk.domain.params import ParamSpec, ParamType
from jigdesk.domain.template import Template
from ui.words import short_id

FROM_BEFORE = "the result of the stage before"


@dataclass(frozen=True, slots=True)
class Start:
    """What a branch starts from: a stored stage of another job."""

    job_id: str
    stage: StoredStage


@dataclass(frozen=True, slots=True)
class StageDraft:
    """One stage as it is filled in.

    An input takes its file, else its stored result, else the stage before's result.
    """

    template: Template
    params: Mapping[str, Scalar]
    files: Mapping[str, Path] = field(default_factory=dict)
    stored: Mapping[str, StoredResult] = field(default_factory=dict)


def own_job(stages: Sequence[StageDraft], start: Start | None = None) -> OwnJob:
    """The request of these stages, with a safe name of its own for every file.

    It is a branch of `start` when one of its inputs takes a stored result.
    """
    names = _stage_names(stages, None if start is None else start.stage.name)
    files: dict[str, Path] = {}
    is_branch = False
    listed = []
    for place, stage in enumerate(stages):
        inputs: dict[str, Any] = {}
        for name in stage.template.inputs:
            if name in stage.files:
                inputs[name] = {"file": _file_name(stage.files[name], files)}
            elif name in stage.stored and start is not None:
                taken = stage.stored[name]
                source = {"output": taken.output, "index": taken.index}
                inputs[name] = {"stage": start.stage.name, **source}
                is_branch = True
            elif place:
                inputs[name] = {"stage": names[place - 1]}
        listed.append(
            {
                "name": names[place],
                "workflow": stage.template.name,
                "params": dict(stage.params),
                "inputs": inputs,
            }
        )
    request: dict[str, Any] = {"stages": listed}
    if is_branch and start is not None:
        request["branch_of"] = {"job_id": start.job_id, "stage": start.stage.name}
    return OwnJob(request, files)


def missing(stages: Sequence[StageDraft], start: Start | None = None) -> str:
    """What is still needed, as a sentence; empty when the job can be sent."""
    for place, stage in enumerate(stages):
        for name, wanted in stage.template.inputs.items():
            if name in stage.files or name in stage.stored:
                continue
            if not place and start is not None:
                return (
                    f"{start.stage.title} stored no {wanted.kind} for {stage.template.title}: "
                    f"give a file for “{name}”."
                )
            if not place:
                return f"{stage.template.title} needs a file: drop {a_kind(wanted)} or browse."
            if not takes_from(stages[place - 1].template, wanted):
                return (
                    f"{stages[place - 1].template.title} makes no {wanted.kind} for "
                    f"{stage.template.title}: give a file for “{name}”."
                )
    return ""


def takes_from(before: Template, wanted: InputSpec) -> bool:
    """Whether a stage makes what the next one wants."""
    return any(fits(output.kind, wanted) for output in before.outputs.values())


def fits(kind: str, wanted: InputSpec) -> bool:
    """Whether a result of this kind can be an input: a picture can be a mask."""
    return kind in ({"image", "mask"} if wanted.kind in ("image", "mask") else {wanted.kind})


def story(stages: Sequence[StageDraft], start: Start | None = None) -> str:
    """What the job will do, in words."""
    steps = []
    for place, stage in enumerate(stages):
        named = [path.name for path in stage.files.values()]
        if start is not None and stage.stored:
            named.append(f"what {start.stage.title} of {short_id(start.job_id)} stored")
        of = ", ".join(named) if named else (FROM_BEFORE if place else "")
        values = ", ".join(f"{words(name)} {value}" for name, value in stage.params.items())
        step = f"{stage.template.title}"
        step += f" on {of}" if of else ""
        step += f" ({values})" if values else ""
        steps.append(f"{place + 1}. {step}" if len(stages) > 1 else step)
    return "\n".join(steps)


def words(name: str) -> str:
    """A parameter's name for people: `blur_radius` becomes `blur radius`."""
    return name.replace("_", " ").replace("-", " ")


def bounds(spec: ParamSpec) -> str:
    """`1 to 31`; empty where there is nothing to say."""
    low, high = spec.minimum, spec.maximum
    match low, high:
        case None, None:
            return "left empty, it is drawn" if spec.type is ParamType.SEED else ""
        case _, None:
            return f"at least {low:g}"
        case None, _:
            return f"at most {high:g}"
        case _:
            return f"{low:g} to {high:g}"


def a_kind(wanted: InputSpec) -> str:
    """`an image`, `a video`, for sentences."""
    noun = {"model3d": "3D model"}.get(wanted.kind, wanted.kind)
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _stage_names(stages: Sequence[StageDraft], taken: str | None) -> list[str]:
    """A name for each; the parent's stage keeps its own to itself."""
    names: list[str] = []
    for stage in stages:
        name, number = stage.template.name, 2
        while name in names or name == taken:
            suffix = f"-{number}"
            name = stage.template.name[: 63 - len(suffix)] + suffix
            number += 1
        names.append(name)
    return names


def _file_name(path: Path, taken: dict[str, Path]) -> str:
    """A name that may be a key, and that no other file has; the same file keeps its name."""
    for name, other in taken.items():
        if other == path:
            return name
    suffix = path.suffix.lower() if is_safe_path(f"a{path.suffix.lower()}") else ""
    stem = path.stem if is_safe_path(f"{path.stem}{suffix}") else _plain(path.stem)
    name, number = f"{stem}{suffix}", 2
    while name in taken or name in (REQUEST, INSTRUCTIONS):
        name, number = f"{stem}-{number}{suffix}", number + 1
    taken[name] = path
    return name


def _plain(stem: str) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in stem)
    return f"file-{kept.strip('-')[:80]}".rstrip("-")
