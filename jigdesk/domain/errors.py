"""Every expected failure, in one tree.

::

    JigDeskError                 code, message, field: fit for the person who caused it
    ├── JobError                 a job cannot go on; `code` is one of `JOB_CODES`
    ├── RequestError             an HTTP caller or a command line asked for something wrong
    ├── TransientError           the same call may succeed later (retry with backoff)
    │   ├── StoreUnavailable
    │   ├── PublishError
    │   │   ├── PublishForbidden  wrong credentials: nothing goes out until they are right
    │   │   └── PublishRejected   this very batch is not taken; others may be
    │   ├── EngineUnavailable
    │   │   └── EngineStalled    it answers, but its worker does nothing: restart it
    │   ├── TunnelUnavailable
    │   └── JournalUnavailable   the disk is full, fails, or the database is locked
    ├── StoreError               the object store refused for good
    │   ├── ObjectNotFound
    │   └── PreconditionFailed   a create-only or If-Match write lost
    ├── EngineError              the engine refused or failed a prompt
    └── SetupError               settings or this machine's state forbid a start

Everything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ErrorCode(StrEnum):
    """The codes of error.json and `job:failed`."""

    INVALID_MANIFEST = "invalid_manifest"
    UNKNOWN_WORKFLOW = "unknown_workflow"
    INVALID_PARAMETER = "invalid_parameter"
    MISSING_INPUT = "missing_input"
    INPUT_TOO_LARGE = "input_too_large"
    MISSING_NODE = "missing_node"
    MISSING_MODEL = "missing_model"
    VALIDATION_FAILED = "validation_failed"
    EXECUTION_ERROR = "execution_error"
    OUT_OF_MEMORY = "out_of_memory"
    TIMEOUT = "timeout"
    ENGINE_LOST = "engine_lost"
    UPLOAD_FAILED = "upload_failed"
    CANCELLED = "cancelled"
    INTERNAL = "internal"


RETRYABLE = frozenset(
    {
        ErrorCode.OUT_OF_MEMORY,
        ErrorCode.TIMEOUT,
        ErrorCode.ENGINE_LOST,
        ErrorCode.UPLOAD_FAILED,
        ErrorCode.CANCELLED,
        ErrorCode.INTERNAL,
        ErrorCode.MISSING_INPUT,
        ErrorCode.MISSING_MODEL,
        ErrorCode.MISSING_NODE,
    }
)
"""Codes after which the same manifest may succeed on a later attempt."""


class JigDeskError(Exception):
    """An expected failure: `message` says what, where and what to do, with no secret in it.

    `code` is a stable word for programs, `field` the dotted path of the offending value
    (`stages[1].params.radius`), or None where no single field is to blame.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.details: Mapping[str, object] = details or {}

    def to_dict(self) -> dict[str, object]:
        """The body of `{"error": …}`; `field` is left out when it is None."""
        body: dict[str, object] = {"code": self.code, "message": self.message}
        if self.field is not None:
            body["field"] = self.field
        return body


class JobError(JigDeskError):
    """The job fails with this code; the message is shown to the web site's visitor."""

    def __init__(
        self,
        code: ErrorCode,
        message: str,
        *,
        field: str | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(code, message, field=field, details=details)
        self.error_code = code

    @property
    def retryable(self) -> bool:
        """Whether the same manifest may succeed on a later attempt."""
        return self.error_code in RETRYABLE


class RequestError(JigDeskError):
    """A caller's mistake, answered with `status` (an HTTP status code, 4xx or 503)."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(code, message, field=field)
        self.status = status
        self.retry_after_s = retry_after_s


class TransientError(JigDeskError):
    """The same call may succeed later; callers retry with backoff."""


class StoreUnavailable(TransientError):
    """The object store cannot be reached, throttles, or answers 5xx."""

    def __init__(self, message: str) -> None:
        super().__init__("store_unavailable", message)


class PublishError(TransientError):
    """The publisher did not take the batch; the same batch may be tried again."""

    def __init__(self, message: str) -> None:
        super().__init__("publish_failed", message)


class PublishForbidden(PublishError):
    """The publisher does not take our credentials: nothing goes out until they are right."""


class PublishRejected(PublishError):
    """The publisher answers, but does not take this very batch; others may go out."""


class EngineUnavailable(TransientError):
    """ComfyUI does not answer, or went away in the middle of a call."""

    def __init__(self, message: str) -> None:
        super().__init__("engine_unavailable", message)


class EngineStalled(EngineUnavailable):
    """ComfyUI answers, but nothing in its queue moves any more: it needs a restart."""


class TunnelUnavailable(TransientError):
    """The tunnel is down; it may come back by itself."""

    def __init__(self, message: str) -> None:
        super().__init__("tunnel_unavailable", message)


class JournalUnavailable(TransientError):
    """The journal's disk is full, fails or is locked; nothing of the call was written."""

    def __init__(self, message: str) -> None:
        super().__init__("journal_unavailable", message)


class DiskFull(TransientError):
    """There is no room for a job's file on this machine; it may be tried again."""

    def __init__(self, folder: str) -> None:
        super().__init__("disk_full", f"The disk of {folder} is full. Free some space.")


class StoreError(JigDeskError):
    """The object store refused for good (access denied, no such bucket, bad key)."""

    def __init__(self, message: str, *, code: str = "store_error") -> None:
        super().__init__(code, message)


class ObjectNotFound(StoreError):
    """There is no object under that key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"No object {key!r} in the store.", code="not_found")
        self.key = key


class PreconditionFailed(StoreError):
    """Somebody else wrote first: a create-only or If-Match write was refused."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Object {key!r} was written by somebody else.", code="precondition_failed"
        )
        self.key = key


class EngineError(JigDeskError):
    """The engine refused a request for good."""


class SetupError(JigDeskError):
    """Settings or this machine's state forbid a start; `message` says what to change."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__("setup", message, field=field)
