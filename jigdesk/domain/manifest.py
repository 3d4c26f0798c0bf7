"""A job's manifest: what a browser asks for, and how request.json is read and written.

Decided here, where the contract leaves it open: a key that stands twice is refused; a
parameter or an input that is null counts as left out; a stage without a name is called like
its workflow; a stage that is called like the one that the job branches from hides it from
the other stages, and may itself take the parent's result by that name; an input that is left
out takes what the stage before it makes, as in instructions.txt.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeGuard

from jigdesk.domain import keys, strict_json
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.ids import check_job_id, is_client_id, is_job_id, is_stage_name, is_user_id
from jigdesk.domain.wording import is_encodable, nearest, quoted

MAX_REQUEST_BYTES = 1024 * 1024
"""The most that request.json, and instructions.txt, may have."""
MAX_STAGES = 64
MAX_PARAMS = 64
MAX_INPUTS = 32
MAX_TEXT_CHARS = 20_000
MAX_INDEX = 999
MIN_INTEGER = -(2**63)
MAX_INTEGER = 2**64 - 1

Scalar = str | int | float | bool
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")


@dataclass(frozen=True, slots=True)
class FileInput:
    """An uploaded file; `size_bytes` and `sha256` (hex) are None until it was downloaded."""

    path: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class StageInput:
    """A result of another stage.

    `output` None is the first output of the wanted kind, `index` None the first file of it.
    """

    stage: str
    output: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class BranchOf:
    """The stored stage of another job that this one starts from."""

    job_id: str
    stage: str


@dataclass(frozen=True, slots=True)
class StageRequest:
    """One stage as it was asked for: parameters are unchecked scalars."""

    name: str
    workflow: str
    params: Mapping[str, Scalar]
    inputs: Mapping[str, FileInput | StageInput]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a browser asks for; `client_id` and `user_id` are claims, None where absent."""

    job_id: str
    stages: tuple[StageRequest, ...]
    client_id: str | None = None
    user_id: str | None = None
    branch_of: BranchOf | None = None

    def files(self) -> tuple[str, ...]:
        """Every file path that it names, once each, in order."""
        paths = (
            source.path
            for stage in self.stages
            for source in stage.inputs.values()
            if isinstance(source, FileInput)
        )
        return tuple(dict.fromkeys(paths))


def invalid(message: str, field: str | None) -> JobError:
    """The manifest is wrong at `field`."""
    return JobError(ErrorCode.INVALID_MANIFEST, message, field=field)


def is_scalar(value: object) -> TypeGuard[Scalar]:
    """Whether `value` may be a parameter's value at all, whatever its workflow says."""
    if isinstance(value, bool):
        return True
    if isinstance(value, int):
        return MIN_INTEGER <= value <= MAX_INTEGER
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str) and len(value) <= MAX_TEXT_CHARS and is_encodable(value)


def check_file(path: object, field: str) -> str:
    """Return `path` when a manifest may name it as media; raises JobError otherwise."""
    if not isinstance(path, str) or not keys.is_safe_path(path):
        raise invalid(f"{quoted(path)} is not a file name that can be used.", field)
    if path in (keys.REQUEST, keys.INSTRUCTIONS):
        raise invalid(f"{path} is the manifest itself, not an input.", field)
    return path


def parse_request(body: bytes, job_id: str) -> Manifest:
    """Read request.json of job `job_id`; raises JobError(INVALID_MANIFEST) naming the field."""
    try:
        data = strict_json.decode(body, max_bytes=MAX_REQUEST_BYTES)
    except strict_json.JsonRefused as exc:
        raise invalid(f"request.json cannot be read: {exc}.", None) from exc
    if not isinstance(data, Mapping):
        raise invalid("request.json must be a JSON object.", None)
    if "version" not in data:
        raise invalid('request.json must say "version": 1.', "version")
    inside = data.get("job_id")
    if inside is not None and inside != job_id:
        raise invalid(f"request.json is of another job: {quoted(inside)}.", "job_id")
    return _manifest(
        data,
        job_id,
        _claim(data.get("client_id"), is_client_id, "client_id"),
        _claim(data.get("user_id"), is_user_id, "user_id"),
    )


def parse_api_request(
    data: object,
    job_id: str,
    client_id: str | None,
    user_id: str | None,
    *,
    created_at: str | None = None,
) -> tuple[Manifest, dict[str, Any]]:
    """Read `request` of POST /api/jobs; returns it with the request.json to be uploaded.

    `request` needs no version; ids in it are ignored, the caller's count. Raises
    JobError(INVALID_MANIFEST) whose field is relative to `request`.
    """
    if not isinstance(data, Mapping):
        raise invalid("request must be a JSON object with stages or a task.", None)
    manifest = _manifest(data, job_id, client_id, user_id)
    document = to_request(manifest, created_at=created_at)
    if len(json.dumps(document)) > MAX_REQUEST_BYTES:
        raise invalid(f"The request is larger than {MAX_REQUEST_BYTES} bytes.", None)
    return manifest, document


def to_request(manifest: Manifest, *, created_at: str | None = None) -> dict[str, Any]:
    """The request.json that reads as `manifest` again; `created_at` is RFC 3339."""
    document: dict[str, Any] = {
        "version": 1,
        "job_id": manifest.job_id,
        "client_id": manifest.client_id,
        "user_id": manifest.user_id,
        "stages": [
            {
                "name": stage.name,
                "workflow": stage.workflow,
                "params": dict(stage.params),
                "inputs": {name: source_document(item) for name, item in stage.inputs.items()},
            }
            for stage in manifest.stages
        ],
    }
    if created_at is not None:
        document["created_at"] = created_at
    if manifest.branch_of is not None:
        document["branch_of"] = branch_document(manifest.branch_of)
    return document


def source_document(source: FileInput | StageInput) -> dict[str, Any]:
    """An input as JSON, without what is None."""
    if isinstance(source, FileInput):
        whole = {"file": source.path, "size_bytes": source.size_bytes, "sha256": source.sha256}
    else:
        whole = {"stage": source.stage, "output": source.output, "index": source.index}
    return {name: value for name, value in whole.items() if value is not None}


def branch_document(branch: BranchOf | None) -> dict[str, str] | None:
    """`branch_of` as JSON; None where the job is no branch."""
    return None if branch is None else {"job_id": branch.job_id, "stage": branch.stage}


def check_references(stages: tuple[StageRequest, ...], branch: BranchOf | None) -> None:
    """Raise JobError unless the stages' names and inputs fit together.

    Names are unique, references exist, no stages wait in a circle, and no file is called like
    the folder of another.
    """
    names = {stage.name for stage in stages}
    parents = set() if branch is None else {branch.stage}
    waits_for: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for position, stage in enumerate(stages):
        if stage.name in waits_for:
            raise invalid(
                f"Two stages are called {stage.name!r}; give each a name of its own.",
                f"stages[{position}].name",
            )
        waits_for[stage.name] = []
        for name, source in stage.inputs.items():
            if isinstance(source, FileInput):
                files.setdefault(source.path, f"stages[{position}].inputs.{name}")
                continue
            if source.stage in parents and (
                source.stage == stage.name or source.stage not in names
            ):
                continue
            field = f"stages[{position}].inputs.{name}.stage"
            if source.stage == stage.name:
                raise invalid(f"Stage {stage.name!r} takes its own output.", field)
            if source.stage not in names:
                hint = nearest(source.stage, (names | parents) - {stage.name})
                raise invalid(f"There is no stage {source.stage!r}.{hint}", field)
            waits_for[stage.name].append(source.stage)
    for path, field in files.items():
        folder = path.rpartition("/")[0]
        while folder:
            if folder in files:
                raise invalid(f"{quoted(folder)} is a file: {quoted(path)} is not in it.", field)
            folder = folder.rpartition("/")[0]
    try:
        TopologicalSorter(waits_for).prepare()
    except CycleError as exc:
        circle = " → ".join(reversed(exc.args[1]))
        raise invalid(f"These stages wait for each other: {circle}.", "stages") from exc


def _manifest(
    data: Mapping[str, Any], job_id: str, client_id: str | None, user_id: str | None
) -> Manifest:
    check_job_id(job_id)
    version = data.get("version", 1)
    if isinstance(version, bool) or version != 1:
        raise invalid(f"This desk reads version 1, not {quoted(version)}.", "version")
    branch = _branch(data.get("branch_of"), job_id)
    if "stages" in data and "task" in data:
        raise invalid("A manifest has either stages or a task, not both.", "task")
    stages: tuple[StageRequest, ...]
    if "task" in data:
        stages = (_stage(data, "", "task"),)
    else:
        listed = data.get("stages")
        if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_STAGES:
            raise invalid(f"stages must be a list of 1 to {MAX_STAGES} stages.", "stages")
        stages = tuple(
            _stage(item, f"stages[{position}].", "workflow") for position, item in enumerate(listed)
        )
    check_references(stages, branch)
    return Manifest(job_id, stages, client_id, user_id, branch)


def _stage(item: object, at: str, workflow_key: str) -> StageRequest:
    if not isinstance(item, Mapping):
        raise invalid("A stage is a JSON object with a workflow.", at.rstrip(".") or None)
    workflow = item.get(workflow_key)
    if not is_stage_name(workflow):
        raise invalid(f"{quoted(workflow)} is not a workflow's name.", f"{at}{workflow_key}")
    name = item.get("name")
    if name is None:
        name = workflow
    if not is_stage_name(name):
        raise invalid(
            f"{quoted(name)} is not a stage's name: at most 63 of a-z, 0-9, - and _.",
            f"{at}name",
        )
    params: dict[str, Scalar] = {}
    for key, value in _table(item.get("params"), f"{at}params", MAX_PARAMS).items():
        if value is None:
            continue
        if not is_scalar(value):
            raise invalid(
                "A parameter is a text of at most 20,000 characters, a number, true or false.",
                f"{at}params.{key}",
            )
        params[key] = value
    inputs = {
        key: _source(value, f"{at}inputs.{key}")
        for key, value in _table(item.get("inputs"), f"{at}inputs", MAX_INPUTS).items()
        if value is not None
    }
    return StageRequest(str(name), str(workflow), params, inputs)


def _table(value: object, field: str, limit: int) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > limit:
        raise invalid(f"This must be a JSON object with at most {limit} entries.", field)
    for key in value:
        if not isinstance(key, str) or _NAME.fullmatch(key) is None:
            raise invalid(f"{quoted(key)} is not a name.", field)
    return value


def _source(value: object, field: str) -> FileInput | StageInput:
    if isinstance(value, str):
        return FileInput(check_file(value, field))
    if not isinstance(value, Mapping) or ("file" in value) == ("stage" in value):
        raise invalid('An input is {"file": …} or {"stage": …}.', field)
    if "file" in value:
        return FileInput(check_file(value["file"], f"{field}.file"))
    stage, output, index = value["stage"], value.get("output"), value.get("index")
    if not is_stage_name(stage):
        raise invalid(f"{quoted(stage)} is not a stage's name.", f"{field}.stage")
    if output is not None and (not isinstance(output, str) or _NAME.fullmatch(output) is None):
        raise invalid(f"{quoted(output)} is not an output's name.", f"{field}.output")
    if index is not None and (
        isinstance(index, bool) or not isinstance(index, int) or not 0 <= index <= MAX_INDEX
    ):
        raise invalid(f"index is a whole number from 0 to {MAX_INDEX}.", f"{field}.index")
    return StageInput(stage, output, index)


def _branch(value: object, job_id: str) -> BranchOf | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise invalid("branch_of is a JSON object with job_id and stage.", "branch_of")
    parent, stage = value.get("job_id"), value.get("stage")
    if not isinstance(parent, str) or not is_job_id(parent):
        raise invalid(f"{quoted(parent)} is not a job id.", "branch_of.job_id")
    if parent == job_id:
        raise invalid("A job cannot branch from itself.", "branch_of.job_id")
    if not isinstance(stage, str) or not is_stage_name(stage):
        raise invalid(f"{quoted(stage)} is not a stage's name.", "branch_of.stage")
    return BranchOf(parent, stage)


def _claim(value: object, is_valid: Any, field: str) -> str | None:
    if value is None:
        return None
    if not is_valid(value):
        raise invalid(f"{quoted(value)} is not a {field}.", field)
    return str(value)
