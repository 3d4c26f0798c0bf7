"""Collect: what the engine made for a stage becomes files in the job's folder."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from jigdesk.domain import keys
from jigdesk.domain.changes import ResultFile
from jigdesk.domain.engine import EngineFile, NodeOutput
from jigdesk.domain.errors import ErrorCode, JobError, ObjectNotFound
from jigdesk.domain.template import OutputSpec, Template
from jigdesk.ports import Engine, FileDigest
from jigdesk.services.folder import JobFolder
from jigdesk.services.media import describe

MAX_FILE_BYTES = 8 * 1024**3
MAX_FILES = 1_000
MAX_TEXT_BYTES = 4 * 1024**2

_SUFFIX = re.compile(r"\.[a-z0-9]{1,12}")


class Collector:
    """Fetches one stage's results from the engine."""

    def __init__(self, engine: Engine, max_file_bytes: int = MAX_FILE_BYTES) -> None:
        self._engine = engine
        self._max_file_bytes = max_file_bytes

    async def collect(
        self,
        job_id: str,
        stage: str,
        template: Template,
        outputs: Mapping[str, NodeOutput],
        folder: JobFolder,
    ) -> tuple[ResultFile, ...]:
        """Fetch every declared output, in the template's order.

        Raises JobError when a declared output is missing, EngineUnavailable when the engine
        went away. Cancelling leaves at most a `.part` file in the job's folder.
        """
        found: list[ResultFile] = []
        for name, spec in template.outputs.items():
            result = outputs.get(spec.node)
            files = await self.collect_output(job_id, stage, name, spec, result, folder)
            if not files:
                title = template.node_title(spec.node)
                raise JobError(
                    ErrorCode.EXECUTION_ERROR,
                    f"The node “{title}” made no file for the output “{name}”.",
                    details={"node": spec.node, "node_title": title},
                )
            found.extend(files)
        return tuple(found)

    async def collect_output(
        self,
        job_id: str,
        stage: str,
        name: str,
        spec: OutputSpec,
        result: NodeOutput | None,
        folder: JobFolder,
    ) -> list[ResultFile]:
        """Fetch one output's files; temporary previews are no results."""
        if result is None:
            return []
        kept = [file for _, file in result.files if file.type == "output"]
        if len(kept) > MAX_FILES:
            raise JobError(
                ErrorCode.EXECUTION_ERROR,
                f"The output “{name}” has {len(kept)} files; at most {MAX_FILES} are taken.",
            )
        found = []
        for index, file in enumerate(kept):
            path = folder.output_path(stage, _file_name(name, index, _suffix(file.filename)))
            digest = await self._fetch(file, path)
            found.append(await _result(job_id, stage, name, spec, index, path, digest))
        if not kept and result.texts:
            path = folder.output_path(stage, _file_name(name, 0, ".txt"))
            digest = await asyncio.to_thread(_write_text, path, "\n".join(result.texts))
            found.append(await _result(job_id, stage, name, spec, 0, path, digest))
        return found

    async def _fetch(self, file: EngineFile, path: Path) -> FileDigest:
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            return await self._engine.download(file, path, self._max_file_bytes)
        except ObjectNotFound as gone:
            raise JobError(
                ErrorCode.EXECUTION_ERROR,
                "A result was deleted on the engine before it could be fetched.",
            ) from gone


def still_there(run_files: tuple[ResultFile, ...], folder: JobFolder) -> bool:
    """Whether every result lies in the job's folder at its full size. Blocks."""
    for file in run_files:
        path = folder.output_path(file.stage, PurePosixPath(file.key).name)
        try:
            if path.stat().st_size != file.size_bytes:
                return False
        except OSError:
            return False
    return bool(run_files)


async def _result(
    job_id: str,
    stage: str,
    name: str,
    spec: OutputSpec,
    index: int,
    path: Path,
    digest: FileDigest,
) -> ResultFile:
    media = await asyncio.to_thread(describe, path)
    return ResultFile(
        key=keys.output_key(job_id, stage, path.name),
        stage=stage,
        output=name,
        node=spec.node,
        index=index,
        kind=media.kind if media.kind != "other" else _public_kind(spec.kind),
        content_type=media.content_type,
        size_bytes=digest.size_bytes,
        sha256=digest.sha256,
        width=media.width,
        height=media.height,
        duration_s=media.duration_s,
        partial=spec.partial,
    )


def _public_kind(kind: str) -> str:
    return "image" if kind == "mask" else kind


def _suffix(filename: str) -> str:
    suffix = PurePosixPath(filename).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ".bin"


def _file_name(output: str, index: int, suffix: str) -> str:
    return f"{output}{suffix}" if index == 0 else f"{output}-{index}{suffix}"


def _write_text(path: Path, text: str) -> FileDigest:
    data = text.encode()[:MAX_TEXT_BYTES]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
    return FileDigest(len(data), hashlib.sha256(data).hexdigest())
