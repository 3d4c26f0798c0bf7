"""Collect: what the engine made for a stage becomes files in the job's folder."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from jigdesk.domain import keys
from jigdesk.domain.changes import ResultFile
from jigdesk.domain.engine import EngineFile, NodeOutput
from jigdesk.domain.errors import ErrorCode, JobError, ObjectNotFound
from jigdesk.domain.template import OutputSpec, Template
from jigdesk.files import room_for
from jigdesk.ports import Engine, FileDigest
from jigdesk.services.folder import JobFolder
from jigdesk.services.media import OF_NO_KIND, describe
from jigdesk.services.thumbs import make_thumb

MAX_FILE_BYTES = 8 * 1024**3
MAX_FILES = 1_000
MAX_TEXT_BYTES = 4 * 1024**2

Early = Mapping[str, Mapping[EngineFile, ResultFile]]
"""Output → file on the engine → the result that was made of it while the stage ran."""

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
        early: Early | None = None,
    ) -> tuple[ResultFile, ...]:
        """Fetch every declared output, in the template's order.

        `early` has what was fetched while the stage ran. Raises JobError when a declared output
        is missing, EngineUnavailable when the engine went away. Cancelling leaves at most a
        `.part` file in the job's folder.
        """
        found: list[ResultFile] = []
        for name, spec in template.outputs.items():
            result = outputs.get(spec.node)
            pairs = await self.collect_files(
                job_id, stage, name, spec, result, folder, early=(early or {}).get(name)
            )
            if not pairs:
                title = template.node_title(spec.node)
                raise JobError(
                    ErrorCode.EXECUTION_ERROR,
                    f"The node “{title}” made no file for the output “{name}”.",
                    details={"node": spec.node, "node_title": title},
                )
            found.extend(file for _, file in pairs)
        return tuple(found)

    async def collect_files(
        self,
        job_id: str,
        stage: str,
        name: str,
        spec: OutputSpec,
        result: NodeOutput | None,
        folder: JobFolder,
        *,
        first: int = 0,
        early: Mapping[EngineFile, ResultFile] | None = None,
    ) -> list[tuple[EngineFile | None, ResultFile]]:
        """Fetch one output's files, numbered from `first`; temporary previews are no results.

        A text has no file on the engine: None stands for it.
        """
        if result is None:
            return []
        kept = [file for _, file in result.files if file.type == "output"]
        if len(kept) + first > MAX_FILES:
            raise JobError(
                ErrorCode.EXECUTION_ERROR,
                f"The output “{name}” has {len(kept) + first} files; "
                f"at most {MAX_FILES} are taken.",
            )
        about = _About(job_id, stage, name, spec, folder)
        found: list[tuple[EngineFile | None, ResultFile]] = []
        for index, file in enumerate(kept, first):
            known = (early or {}).get(file)
            if known is not None and known.index == index:
                found.append((file, known))
                continue
            path = folder.output_path(
                stage, _file_name(name, index, plain_suffix(file.filename) or ".bin")
            )
            digest = await self._fetch(file, path)
            found.append((file, await about.result(index, path, digest)))
        if not kept and result.texts:
            path = folder.output_path(stage, _file_name(name, first, ".txt"))
            digest = await asyncio.to_thread(_write_text, path, "\n".join(result.texts))
            found.append((None, await about.result(first, path, digest)))
        return found

    async def _fetch(self, file: EngineFile, path: Path) -> FileDigest:
        with room_for(path):
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


@dataclass(frozen=True, slots=True)
class _About:
    """What all files of one output share."""

    job_id: str
    stage: str
    name: str
    spec: OutputSpec
    folder: JobFolder

    async def result(self, index: int, path: Path, digest: FileDigest) -> ResultFile:
        """Look at a fetched file, and make its small picture where it can have one."""
        media = await asyncio.to_thread(describe, path)
        kind = media.kind
        if kind == "other" and path.suffix not in OF_NO_KIND:
            kind = _public_kind(self.spec.kind)
        thumb = self.folder.thumb_path(self.stage, f"{path.name}.webp")
        has_thumb = await asyncio.to_thread(make_thumb, path, kind, thumb)
        return ResultFile(
            key=keys.output_key(self.job_id, self.stage, path.name),
            stage=self.stage,
            output=self.name,
            node=self.spec.node,
            index=index,
            kind=kind,
            content_type=media.content_type,
            size_bytes=digest.size_bytes,
            sha256=digest.sha256,
            width=media.width,
            height=media.height,
            duration_s=media.duration_s,
            partial=self.spec.partial,
            thumb_key=keys.thumb_key(self.job_id, self.stage, thumb.name) if has_thumb else None,
        )


def _public_kind(kind: str) -> str:
    return "image" if kind == "mask" else kind


def plain_suffix(filename: str) -> str:
    """The suffix in lower case; empty where it is long or not of letters and digits alone."""
    suffix = PurePosixPath(filename).suffix.lower()
    return suffix if _SUFFIX.fullmatch(suffix) else ""


def _file_name(output: str, index: int, suffix: str) -> str:
    return f"{output}{suffix}" if index == 0 else f"{output}-{index}{suffix}"


def _write_text(path: Path, text: str) -> FileDigest:
    data = text.encode()[:MAX_TEXT_BYTES]
    part = path.with_name(path.name + ".part")
    with room_for(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    return FileDigest(len(data), hashlib.sha256(data).hexdigest())
