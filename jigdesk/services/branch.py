"""Branching: a job that starts from a stage which another job of the same owner has stored."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from jigdesk.domain import keys
from jigdesk.domain.changes import ResultFile, StageState
from jigdesk.domain.errors import ErrorCode, JobError, ObjectNotFound
from jigdesk.domain.ids import client_owner, user_owner
from jigdesk.domain.manifest import BranchOf, Manifest
from jigdesk.domain.output import read_files
from jigdesk.domain.plan import Plan, ResolvedInput
from jigdesk.ports import Journal, ObjectStore
from jigdesk.services.collect import MAX_FILE_BYTES
from jigdesk.services.folder import JobFolder
from jigdesk.services.media import content_type_of, kind_of

MAX_OUTPUT_JSON_BYTES = 8 * 1024 * 1024
MAX_LISTED = 1_000
_FIELD = "branch_of.job_id"
_STORED_NAME = re.compile(r"(?P<output>[a-z0-9][a-z0-9_-]*?)(-(?P<index>[1-9][0-9]{0,2}))?\.[^.]+")


@dataclass(frozen=True, slots=True)
class ParentStage:
    """The stored results of the stage that a job branches from, in their outputs' order."""

    files: tuple[ResultFile, ...]

    def outputs(self) -> dict[str, str]:
        """Output → kind, as `make_plan` takes it."""
        kinds: dict[str, str] = {}
        for file in self.files:
            kinds.setdefault(file.output, file.kind)
        return kinds


class Branches:
    """Finds what a branch starts from: in the journal, else in the store."""

    def __init__(self, journal: Journal, store: ObjectStore) -> None:
        self._journal = journal
        self._store = store

    async def parent(self, job_id: str, manifest: Manifest) -> ParentStage | None:
        """The parent stage of a branch; None for a job that is none.

        Raises JobError when the parent is not the same verified owner's (the index must have
        both jobs under one owner), is unknown, or has not stored that stage: the first two
        read the same, so that nobody learns which job ids there are.
        """
        branch = manifest.branch_of
        if branch is None:
            return None
        if not await self._is_same_owners(job_id, manifest, branch):
            raise JobError(
                ErrorCode.INVALID_MANIFEST,
                "There is no such job, or it is not yours to branch from.",
                field=_FIELD,
            )
        files = (
            await self._from_journal(branch)
            or await self._from_output_json(branch)
            or await self._from_listing(branch)
        )
        if not files:
            raise JobError(
                ErrorCode.MISSING_INPUT,
                f"The job to branch from has no stored results of a stage {branch.stage!r}.",
                field="branch_of.stage",
            )
        return ParentStage(files)

    async def fetch(
        self, plan: Plan, parent: ParentStage | None, folder: JobFolder
    ) -> tuple[ResultFile, ...]:
        """Download what the plan takes of its parent, and return it with what is known now.

        Raises JobError(MISSING_INPUT) when a result is not there any more, StoreUnavailable.
        """
        if parent is None:
            return ()
        found: dict[str, ResultFile] = {}
        for place, stage in enumerate(plan.stages):
            for name, source in stage.inputs.items():
                if not isinstance(source, ResolvedInput) or not plan.is_parents(stage, source):
                    continue
                field = f"stages[{place}].inputs.{name}"
                file = _pick(parent, source, field)
                if file.key not in found:
                    found[file.key] = await self._download(file, folder, field)
        return tuple(found.values())

    async def _is_same_owners(self, job_id: str, manifest: Manifest, branch: BranchOf) -> bool:
        claims = []
        if manifest.user_id is not None:
            claims.append(user_owner(manifest.user_id))
        if manifest.client_id is not None:
            claims.append(client_owner(manifest.client_id))
        for owner in claims:
            both = [keys.index_key(owner, job_id), keys.index_key(owner, branch.job_id)]
            if all([await self._store.head(key) is not None for key in both]):
                return True
        return False

    async def _from_journal(self, branch: BranchOf) -> tuple[ResultFile, ...]:
        for run in await self._journal.stage_runs(branch.job_id):
            if run.stage == branch.stage and run.state is StageState.STORED:
                return run.files
        return ()

    async def _from_output_json(self, branch: BranchOf) -> tuple[ResultFile, ...]:
        """What the parent's commit marker lists; it must name the parent's own results only."""
        key = keys.output_json_key(branch.job_id)
        try:
            body, _ = await self._store.get(key, MAX_OUTPUT_JSON_BYTES)
            document = json.loads(body)
            listed = read_files(document) if isinstance(document, Mapping) else ()
        except (ObjectNotFound, ValueError, RecursionError):
            return ()
        prefix = keys.output_key(branch.job_id, branch.stage, "")
        return tuple(
            file
            for file in listed
            if file.stage == branch.stage
            and file.key.startswith(prefix)
            and keys.is_safe_path(file.key.removeprefix(prefix))
        )

    async def _from_listing(self, branch: BranchOf) -> tuple[ResultFile, ...]:
        """A parent that failed later, on another desk: names say which output a result is of.

        Size and digest are settled by the download.
        """
        prefix = keys.output_key(branch.job_id, branch.stage, "")
        page = await self._store.page(prefix, limit=MAX_LISTED)
        files = []
        for info in page.objects:
            name = info.key.removeprefix(prefix)
            match = _STORED_NAME.fullmatch(name)
            if match is None:
                continue
            content_type = content_type_of(name)
            files.append(
                ResultFile(
                    key=info.key,
                    stage=branch.stage,
                    output=match["output"],
                    node="",
                    index=int(match["index"] or 0),
                    kind=kind_of(content_type),
                    content_type=content_type,
                    size_bytes=info.size_bytes,
                    sha256="",
                )
            )
        return tuple(sorted(files, key=lambda file: (file.output, file.index)))

    async def _download(self, file: ResultFile, folder: JobFolder, field: str) -> ResultFile:
        path = folder.parent_path(file.stage, PurePosixPath(file.key).name)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            digest = await self._store.download(file.key, path, MAX_FILE_BYTES)
        except ObjectNotFound:
            raise JobError(
                ErrorCode.MISSING_INPUT,
                "A result of the job to branch from is not stored any more.",
                field=field,
            ) from None
        return replace(file, size_bytes=digest.size_bytes, sha256=digest.sha256)


def _pick(parent: ParentStage, source: ResolvedInput, field: str) -> ResultFile:
    for file in parent.files:
        if (file.output, file.index) == (source.output, source.index):
            return file
    raise JobError(
        ErrorCode.MISSING_INPUT,
        f"The stage {source.stage!r} stored no file {source.index} of its output "
        f"{source.output!r}.",
        field=field,
    )
