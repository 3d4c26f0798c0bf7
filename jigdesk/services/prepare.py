"""Prepare: claim the job, read its manifest, plan it, and fetch and check its files."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Protocol

from jigdesk.domain import keys
from jigdesk.domain.changes import Change
from jigdesk.domain.errors import ErrorCode, JobError, ObjectNotFound, StoreError
from jigdesk.domain.graph import graph_document
from jigdesk.domain.ids import client_owner, user_owner
from jigdesk.domain.instructions import parse_instructions
from jigdesk.domain.job import Job, JobStatus
from jigdesk.domain.manifest import MAX_REQUEST_BYTES, FileInput, Manifest, parse_request
from jigdesk.domain.planning import Plan, make_plan
from jigdesk.domain.template import InputSpec, Template
from jigdesk.ports import FileDigest, Journal, ObjectStore
from jigdesk.services.branch import Branches, ParentStage
from jigdesk.services.changes import STATE, moved, put_json
from jigdesk.services.claim import Claims
from jigdesk.services.folder import JobFolder
from jigdesk.services.media import check_clip, check_picture
from jigdesk.services.record import PlanRecord

STAGES_BETWEEN = " → "
"""What stands between the workflows of a job's stages in its row."""

FILES_WAIT_S = 30.0
FILES_LOOK_S = 1.0
MAX_INPUT_BYTES = 8 * 1024**3
SEED_BITS = 53  # what a JavaScript number keeps


class Templates(Protocol):
    """The workflows as they are now."""

    @property
    def available(self) -> Mapping[str, Template]:
        """Those that can run, by name."""

    @property
    def unavailable(self) -> Mapping[str, str]:
        """Those that cannot, by name, with the reason."""

    async def settle(self, names: Iterable[str]) -> None:
        """Return once it is known whether these can run; the engine may have to be asked."""


class Preparer:
    """Takes a job from accepted to queued. Every step may be entered again."""

    def __init__(
        self,
        journal: Journal,
        store: ObjectStore,
        templates: Templates,
        claims: Claims,
        *,
        max_file_bytes: int = 0,
        max_pixels: int = 0,
        max_seconds: int = 0,
    ) -> None:
        self._journal = journal
        self._store = store
        self._templates = templates
        self._claims = claims
        self._max_file_bytes = max_file_bytes or MAX_INPUT_BYTES
        self._max_pixels = max_pixels or None
        self._max_seconds = max_seconds
        self._branches = Branches(journal, store)

    async def prepare(self, job: Job, folder: JobFolder) -> None:
        """Do it all; raises JobError when the job cannot go on, StoreUnavailable to retry.

        A job that another desk claimed is forgotten here.
        """
        if not await self._claims.hold(job):
            await self._journal.forget(job.job_id)
            return
        manifest, patient = await self._manifest(job.job_id)
        await self._introduce(job, manifest)
        await self._templates.settle(stage.workflow for stage in manifest.stages)
        parent = await self._branches.parent(job.job_id, manifest)
        plan, templates = await self._plan(job, manifest, parent)
        await asyncio.to_thread(folder.create)
        files = await self._files(job.job_id, plan, templates, folder, patient=patient)
        plan = plan.with_files(files)
        parent_files = await self._branches.fetch(plan, parent, folder)
        record = PlanRecord(plan, templates, parent_files)
        change = moved(
            job,
            JobStatus.QUEUED,
            outbox=(
                put_json(keys.manifest_key(job.job_id), plan.to_document()),
                put_json(
                    keys.graph_key(job.job_id),
                    graph_document(job.job_id, plan, record.templates),
                ),
                STATE,
            ),
            plan=record.to_json(),
            stage_count=len(plan.stages),
            message="Waiting for a slot.",
        )
        await self._journal.apply(job.job_id, change, expect=(JobStatus.PREPARING,))

    async def _introduce(self, job: Job, manifest: Manifest) -> None:
        """Say whose job it is and what it wants before anything can fail."""
        fields = {
            "owner_id": await self._owner(job.job_id, manifest),
            "workflow": STAGES_BETWEEN.join(stage.workflow for stage in manifest.stages)[:200],
        }
        change = Change(fields=fields, durable=False)
        await self._journal.apply(job.job_id, change, expect=(JobStatus.PREPARING,))

    async def _manifest(self, job_id: str) -> tuple[Manifest, bool]:
        """The manifest, and whether its files may still be on their way."""
        try:
            body, _ = await self._get(keys.request_key(job_id))
        except ObjectNotFound:
            pass
        else:
            return parse_request(body, job_id), False
        try:
            body, _ = await self._get(keys.instructions_key(job_id))
        except ObjectNotFound:
            raise JobError(
                ErrorCode.INVALID_MANIFEST,
                "There is neither request.json nor instructions.txt: upload one of them.",
            ) from None
        await self._templates.settle(self._templates.unavailable)
        return parse_instructions(body, self._templates.available, job_id), True

    async def _get(self, key: str) -> tuple[bytes, object]:
        try:
            return await self._store.get(key, MAX_REQUEST_BYTES)
        except ObjectNotFound:
            raise
        except StoreError as error:
            if error.code != "too_large":
                raise
            raise JobError(
                ErrorCode.INVALID_MANIFEST,
                f"{key.rpartition('/')[2]} is larger than {MAX_REQUEST_BYTES:,} bytes.",
            ) from error

    async def _owner(self, job_id: str, manifest: Manifest) -> str | None:
        """Who owns the job: a claim counts when the index has it."""
        if manifest.user_id is not None:
            owner = user_owner(manifest.user_id)
            if await self._store.head(keys.index_key(owner, job_id)) is not None:
                return owner
        return None if manifest.client_id is None else client_owner(manifest.client_id)

    async def _plan(
        self, job: Job, manifest: Manifest, parent: ParentStage | None
    ) -> tuple[Plan, dict[str, Template]]:
        """The plan, and the templates of its stages as they are now.

        A job that begins again by itself goes on with the plan that it has: what was edited
        meanwhile, or is the engine's first choice after a restart, touches no job under way. An
        owner's retry is planned anew, and keeps the seeds.
        """
        stored = await self._journal.plan(job.job_id)
        before = None
        if stored is not None:
            record = await asyncio.to_thread(PlanRecord.from_json, stored)
            if job.automatic_attempts:
                return record.plan, dict(record.templates)
            before = record.plan
        available, unavailable = self._templates.available, self._templates.unavailable
        plan = make_plan(
            manifest,
            available,
            unavailable,
            lambda: secrets.randbits(SEED_BITS),
            before=before,
            parent_outputs=None if parent is None else parent.outputs(),
        )
        return plan, {stage.workflow: available[stage.workflow] for stage in plan.stages}

    async def _files(
        self,
        job_id: str,
        plan: Plan,
        templates: Mapping[str, Template],
        folder: JobFolder,
        *,
        patient: bool,
    ) -> dict[str, tuple[int, str]]:
        """Fetch and check every file that the plan names: path → (size in bytes, sha256)."""
        deadline_s = time.monotonic() + (FILES_WAIT_S if patient else 0.0)
        found: dict[str, tuple[int, str]] = {}
        for index, stage in enumerate(plan.stages):
            specs = templates[stage.workflow].inputs
            for name, source in stage.inputs.items():
                if not isinstance(source, FileInput):
                    continue
                field = f"stages[{index}].inputs.{name}"
                digest = await self._file(
                    job_id, source.path, specs[name], folder, field, deadline_s
                )
                found[source.path] = (digest.size_bytes, digest.sha256)
        return found

    async def _file(
        self,
        job_id: str,
        path: str,
        spec: InputSpec,
        folder: JobFolder,
        field: str,
        deadline_s: float,
    ) -> FileDigest:
        target = folder.input_path(path)
        limit = min(spec.max_bytes or self._max_file_bytes, self._max_file_bytes)
        await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
        while True:
            try:
                digest = await self._store.download(keys.input_key(job_id, path), target, limit)
                break
            except ObjectNotFound:
                if time.monotonic() >= deadline_s:
                    raise JobError(
                        ErrorCode.MISSING_INPUT,
                        f"The file {path} was not uploaded.",
                        field=field,
                    ) from None
            except JobError as error:
                raise JobError(error.error_code, error.message, field=field) from error
            await asyncio.sleep(FILES_LOOK_S)
        if spec.kind in ("image", "mask"):
            await asyncio.to_thread(check_picture, target, field, self._max_pixels)
        elif spec.kind in ("video", "audio"):
            await asyncio.to_thread(
                check_clip,
                target,
                spec.kind,
                field,
                max_seconds=self._max_seconds,
                max_pixels=self._max_pixels,
            )
        return digest
