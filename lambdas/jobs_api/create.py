"""POST /api/jobs: check everything, write down who owns the job, and presign its uploads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.clock import Clock, to_rfc3339
from jigdesk.domain.described import Described, check_described, read_described
from jigdesk.domain.errors import ErrorCode, JigDeskError, JobError, RequestError
from jigdesk.domain.events import channel
from jigdesk.domain.ids import client_owner, new_job_id, user_owner
from jigdesk.domain.manifest import FileInput, Manifest, StageRequest, parse_api_request
from jigdesk.domain.wording import nearest, quoted
from jigdesk.ports import Presigned
from lambdas.common.documents import encode
from lambdas.common.owners import owns
from lambdas.common.ports import DocumentStore
from lambdas.jobs_api.callers import Callers, check_client_id
from lambdas.jobs_api.http import Request, json_body
from lambdas.jobs_api.ports import ApiSettings, Workflows
from lambdas.jobs_api.uploads import Upload, check_announced, read_uploads
from lambdas.jobs_api.usage import UsageCounter


class JobCreation:
    """Makes jobs. Thread-safe."""

    def __init__(
        self,
        store: DocumentStore,
        callers: Callers,
        workflows: Workflows,
        usage: UsageCounter,
        settings: ApiSettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._callers = callers
        self._workflows = workflows
        self._usage = usage
        self._settings = settings
        self._clock = clock

    def create(self, request: Request) -> dict[str, Any]:
        """The body of the 201; raises RequestError or JobError, and then no job was made.

        `request` in it is the normalised request.json: the browser may upload it as it is.
        """
        body = json_body(request)
        user_id = self._callers.user_id(request.headers)
        client_id = body.get("client_id")
        if user_id is None or client_id is not None:
            client_id = check_client_id(client_id)
        owner_id = client_owner(str(client_id)) if user_id is None else user_owner(user_id)
        job_id = new_job_id()
        created_at = to_rfc3339(self._clock())
        if "request" not in body:
            raise RequestError(400, "bad_request", "request is missing.", field="request")
        try:
            manifest, document = parse_api_request(
                body["request"], job_id, client_id, user_id, created_at=created_at
            )
        except JobError as error:
            raise _inside(error, "request", error.field) from error
        uploads = read_uploads(body.get("files"), self._settings.limits)
        chosen = self._check_workflows(manifest, uploads, short="task" in body["request"])
        check_announced(manifest, uploads)
        self._check_branch(manifest, owner_id)

        size_bytes = sum(upload.size_bytes for upload in uploads)
        record = {
            "version": 1,
            "job_id": job_id,
            "owner_id": owner_id,
            "created_at": created_at,
            "title": " → ".join(workflow.title for workflow in chosen)[:200],
            "workflows": [workflow.name for workflow in chosen],
            "size_bytes": size_bytes,
            "files": [upload.to_dict() for upload in uploads],
        }
        self._write_down(record, request.source)
        return {
            "job_id": job_id,
            "channel": channel(job_id, private=user_id is not None),
            "uploads": [self._presign(job_id, upload) for upload in uploads],
            "manifest_upload": _presigned(
                self._store.presign_put(
                    keys.request_key(job_id),
                    None,
                    "application/json",
                    self._settings.upload_ttl_s,
                )
            ),
            "request": document,
        }

    def _check_workflows(
        self, manifest: Manifest, uploads: Sequence[Upload], *, short: bool
    ) -> list[Described]:
        listed = {str(item.get("name")): item for item in self._workflows()}
        if not listed:
            raise RequestError(
                503,
                "no_workflows",
                "No GPU machine has told yet what it can do; try again soon.",
                retry_after_s=30,
            )
        sizes = {upload.name: upload.size_bytes for upload in uploads}
        chosen = []
        for index, stage in enumerate(manifest.stages):
            at = "request" if short else f"request.stages[{index}]"
            workflow = read_described(listed.get(stage.workflow))
            if workflow is None:
                raise JobError(
                    ErrorCode.UNKNOWN_WORKFLOW,
                    f"There is no workflow {quoted(stage.workflow)}."
                    f"{nearest(stage.workflow, listed)}",
                    field=f"{at}.{'task' if short else 'workflow'}",
                )
            try:
                check_described(listed[stage.workflow], stage.params)
            except JobError as error:
                raise _inside(error, at, error.field) from error
            _check_inputs(stage, workflow, sizes, f"{at}.inputs")
            chosen.append(workflow)
        return chosen

    def _check_branch(self, manifest: Manifest, owner_id: str) -> None:
        branch = manifest.branch_of
        if branch is not None and not owns(self._store, owner_id, branch.job_id):
            raise RequestError(
                404, "not_found", "There is no such job.", field="request.branch_of.job_id"
            )

    def _write_down(self, record: Mapping[str, Any], source: str) -> None:
        job_id, owner_id = str(record["job_id"]), str(record["owner_id"])
        written = self._usage.admit(job_id, owner_id, source, int(record["size_bytes"]))
        try:
            if owner_id.startswith("user:"):
                # before the record: whoever sees it and not the record takes it for a forgery
                pointer = {"version": 1, "job_id": job_id, "owner_id": owner_id}
                self._store.put(keys.index_pointer_key(job_id), encode(pointer), create_only=True)
            self._store.put(keys.index_key(owner_id, job_id), encode(record), create_only=True)
        except JigDeskError:
            self._store.delete(written)
            raise

    def _presign(self, job_id: str, upload: Upload) -> dict[str, Any]:
        signed = self._store.presign_put(
            keys.input_key(job_id, upload.name),
            upload.size_bytes,
            upload.content_type,
            self._settings.upload_ttl_s,
            sha256=upload.sha256,
        )
        return {"name": upload.name, **_presigned(signed)}


def _check_inputs(
    stage: StageRequest, workflow: Described, sizes: Mapping[str, int], at: str
) -> None:
    for name, source in stage.inputs.items():
        declared = workflow.inputs.get(name)
        if declared is None:
            raise JobError(
                ErrorCode.INVALID_MANIFEST,
                f"Workflow {workflow.name!r} has no input {quoted(name)}."
                f"{nearest(name, workflow.inputs)}",
                field=f"{at}.{name}",
            )
        if not isinstance(source, FileInput) or declared.max_bytes is None:
            continue
        if sizes.get(source.path, 0) > declared.max_bytes:
            raise JobError(
                ErrorCode.INPUT_TOO_LARGE,
                f"Input {name!r} takes at most {declared.max_bytes} bytes.",
                field=f"{at}.{name}",
            )


def _presigned(signed: Presigned) -> dict[str, Any]:
    return {
        "method": signed.method,
        "url": signed.url,
        "headers": dict(signed.headers),
        "expires_at": to_rfc3339(signed.expires_at),
    }


def _inside(error: JobError, at: str, field: str | None) -> JobError:
    """The same failure, its field seen from the body's root."""
    return JobError(
        error.error_code,
        error.message,
        field=f"{at}.{field}" if field else at,
        details=error.details,
    )
