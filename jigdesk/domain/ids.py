"""Identifiers: what a job, a stage, an owner and a prompt are called, and what is refused."""

from __future__ import annotations

import re
import uuid

from jigdesk.domain.errors import ErrorCode, JobError

_JOB_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STAGE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_CLIENT = re.compile(r"[A-Za-z0-9_-]{8,64}")
_USER = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_job_id(text: object) -> bool:
    """Whether `text` is a canonical lowercase UUID."""
    return isinstance(text, str) and _JOB_ID.fullmatch(text) is not None


def is_stage_name(text: object) -> bool:
    """Whether `text` may name a stage (or a workflow, an output, an input)."""
    return isinstance(text, str) and _STAGE.fullmatch(text) is not None


def is_client_id(text: object) -> bool:
    """Whether `text` is a browser's client id: 8 to 64 of `[A-Za-z0-9_-]`."""
    return isinstance(text, str) and _CLIENT.fullmatch(text) is not None


def is_user_id(text: object) -> bool:
    """Whether `text` may be a signed-in user's id (the `sub` of a JWT)."""
    return isinstance(text, str) and _USER.fullmatch(text) is not None


def is_owner_id(text: object) -> bool:
    """Whether `text` is `client:{clientId}` or `user:{userId}`."""
    if not isinstance(text, str):
        return False
    kind, _, rest = text.partition(":")
    return (kind == "client" and is_client_id(rest)) or (kind == "user" and is_user_id(rest))


def check_job_id(text: object, field: str = "job_id") -> str:
    """Return `text` when it is a job id; raises JobError(INVALID_MANIFEST) otherwise."""
    if not is_job_id(text):
        raise JobError(
            ErrorCode.INVALID_MANIFEST,
            "A job id is a canonical lowercase UUID, such as 7d1f0c3e-0000-4000-8000-0000000000e2.",
            field=field,
        )
    return str(text)


def client_owner(client_id: str) -> str:
    """The owner id of an anonymous browser."""
    return f"client:{client_id}"


def user_owner(user_id: str) -> str:
    """The owner id of a signed-in user."""
    return f"user:{user_id}"


def new_job_id() -> str:
    """A random job id."""
    return str(uuid.uuid4())


def prompt_id(job_id: str, stage: str, attempt: int) -> str:
    """The ComfyUI prompt id of a stage's run: the same after a restart of the desk."""
    return str(uuid.uuid5(uuid.UUID(job_id), f"{stage}/{attempt}"))
