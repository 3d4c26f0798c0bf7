"""Everything about one job in one value: what the inspector shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from jigdesk.app.core import Core
from jigdesk.domain import keys
from jigdesk.domain.binding import bind
from jigdesk.domain.changes import Attempt, ResultFile, StageRun
from jigdesk.domain.errors import ObjectNotFound, StoreError, TransientError
from jigdesk.domain.graph import graph_document
from jigdesk.domain.job import Job
from jigdesk.domain.manifest import FileInput
from jigdesk.domain.plan import PlannedStage
from jigdesk.domain.template import Template
from jigdesk.services.folder import JobFolder
from jigdesk.services.media import content_type_of, kind_of
from jigdesk.services.record import PlanRecord

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
"""What is read from the store for a look; larger files are opened where they lie."""

DOCUMENTS = ("request.json", "instructions.txt", "manifest.json", "graph.json", "status.json")


@dataclass(frozen=True, slots=True)
class StoryFile:
    """An input or a result. `path` is where it would lie on this machine; it may be gone.

    `size_bytes`, `width` and `height` are None where they are not known; `thumb_key` is the
    small picture of a result in the store, None where it has none.
    """

    key: str
    name: str
    role: str  # input or result
    stage: str
    kind: str
    path: Path
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    partial: bool = False
    thumb_key: str | None = None


@dataclass(frozen=True, slots=True)
class JobStory:
    """A job with its attempts, its stages' newest runs, its graph and its files.

    `graph` is graph.json with the input's node (`to_node`) on the edges between stages, and on
    each node the `values` that no other node makes; None before the job was planned.
    """

    job: Job
    attempts: Sequence[Attempt]
    runs: Sequence[StageRun]
    graph: Mapping[str, Any] | None
    files: Sequence[StoryFile]


async def job_story(core: Core, job_id: str) -> JobStory | None:
    """Read a job; None when it is unknown. Raises JournalUnavailable."""
    job = await core.journal.job(job_id)
    if job is None:
        return None
    attempts = await core.journal.attempts(job_id)
    runs = await core.journal.stage_runs(job_id)
    plan = await core.journal.plan(job_id)
    record = None if plan is None else await asyncio.to_thread(PlanRecord.from_json, plan)
    folder = JobFolder.of(core.settings.paths.jobs_dir, job_id)
    files = _files(record, runs, folder, job_id)
    return JobStory(job, attempts, runs, None if record is None else _graph(record), files)


async def job_documents(core: Core, job_id: str) -> Mapping[str, Any]:
    """The job's manifests from the store by name; those that are not there are left out.

    The value is JSON, or a text for instructions.txt and in the place of one that is too large.
    Raises StoreUnavailable.
    """
    wanted = {name: keys.job_key(job_id, name) for name in DOCUMENTS}
    wanted |= {
        "request.json": keys.request_key(job_id),
        "instructions.txt": keys.instructions_key(job_id),
        "output.json": keys.output_json_key(job_id),
        "error.json": keys.error_json_key(job_id),
    }
    found: dict[str, Any] = {}
    for name, key in wanted.items():
        try:
            body, _ = await core.store.get(key, MAX_DOCUMENT_BYTES)
        except ObjectNotFound:
            continue
        except StoreError as refused:  # a browser may put up whatever it likes
            found[name] = refused.message
            continue
        text = body.decode("utf-8", "replace")
        try:
            found[name] = text if name.endswith(".txt") else json.loads(text)
        except (ValueError, RecursionError):  # what a browser sent need not be JSON
            found[name] = text
    return found


async def file_bytes(core: Core, file: StoryFile) -> bytes | None:
    """The file, from this machine or from the store.

    None when it is in neither, too large for a look, or the store cannot be reached.
    """
    try:
        if (await asyncio.to_thread(file.path.stat)).st_size > MAX_FILE_BYTES:
            return None
        return await asyncio.to_thread(file.path.read_bytes)
    except OSError:
        pass  # cleaned away: the store has it
    try:
        body, _ = await core.store.get(file.key, MAX_FILE_BYTES)
    except (StoreError, TransientError):
        return None
    return body


async def thumb_bytes(core: Core, file: StoryFile) -> bytes | None:
    """A small picture of the file, else the file itself where it is a picture; None without."""
    if file.thumb_key is not None:
        try:
            return (await core.store.get(file.thumb_key, MAX_DOCUMENT_BYTES))[0]
        except (StoreError, TransientError):
            pass  # it comes a little after its file, and may be cleaned away before it
    return await file_bytes(core, file) if file.kind == "image" else None


async def local_copy(core: Core, file: StoryFile) -> Path:
    """A file on this machine that a viewer can open, fetched from the store when it is gone.

    Raises StoreUnavailable, or ObjectNotFound when it is nowhere.
    """
    if await asyncio.to_thread(file.path.is_file):
        return file.path
    await asyncio.to_thread(file.path.parent.mkdir, parents=True, exist_ok=True)
    await core.store.download(file.key, file.path, 8 * 1024**3)
    return file.path


def _graph(record: PlanRecord) -> Mapping[str, Any]:
    plan = record.plan
    document = graph_document(plan.job_id, plan, record.templates)
    for edge in document["edges"]:
        template = record.templates[plan.stage(edge["to_stage"]).workflow]
        targets = template.inputs[edge["input"]].targets
        edge["to_node"] = targets[0].node if targets else None
    for entry, stage in zip(document["stages"], plan.stages, strict=True):
        values = _values(record.templates[stage.workflow], stage)
        for node in entry["nodes"]:
            node["values"] = values[node["id"]]
    return document


def _values(template: Template, stage: PlannedStage) -> Mapping[str, Mapping[str, Any]]:
    """What each node is given that no other node makes: by node id, then by input."""
    files = {
        name: source.path if isinstance(source, FileInput) else f"{source.output} of {source.stage}"
        for name, source in stage.inputs.items()
    }
    return {
        node_id: {
            name: value
            for name, value in node["inputs"].items()
            if not isinstance(value, list) and name != "filename_prefix"
        }
        for node_id, node in bind(template, stage.params, files, "").items()
    }


def _files(
    record: PlanRecord | None, runs: Sequence[StageRun], folder: JobFolder, job_id: str
) -> tuple[StoryFile, ...]:
    found: dict[str, StoryFile] = {}
    for stage in () if record is None else record.plan.stages:
        for source in stage.inputs.values():
            if isinstance(source, FileInput):
                key = keys.input_key(job_id, source.path)
                found.setdefault(
                    key,
                    StoryFile(
                        key,
                        source.path,
                        "input",
                        stage.name,
                        kind_of(content_type_of(source.path)),
                        folder.input_path(source.path),
                        source.size_bytes,
                    ),
                )
    for run in runs:
        for file in run.files:
            found[file.key] = result_file(file, folder)
    return tuple(found.values())


def result_file(file: ResultFile, folder: JobFolder) -> StoryFile:
    """A stage's result as the window knows it."""
    name = PurePosixPath(file.key).name
    return StoryFile(
        file.key,
        name,
        "result",
        file.stage,
        file.kind,
        folder.output_path(file.stage, name),
        file.size_bytes,
        file.width,
        file.height,
        file.partial,
        file.thumb_key,
    )
