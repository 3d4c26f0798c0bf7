"""Requests and responses without a framework."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from jigdesk.domain import strict_json
from jigdesk.domain.errors import ErrorCode, JigDeskError, JobError, RequestError, TransientError

MAX_BODY_BYTES = 2 * 1024 * 1024
_RETRY_AFTER_S = 5


class Request(Protocol):
    """What the logic reads of a request; any value with these attributes will do.

    `path` is decoded and without the query, header names are lower case, `source` is the
    caller's address as the server in front of us vouches for it.
    """

    @property
    def method(self) -> str:
        """The HTTP method in capitals."""

    @property
    def path(self) -> str:
        """The path."""

    @property
    def query(self) -> Mapping[str, str]:
        """The query, each name once."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The body."""

    @property
    def source(self) -> str:
        """The caller's address."""


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request as a value."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """The answer; always JSON."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class MethodNotAllowed(RequestError):
    """The route is there, the method is not."""

    def __init__(self, methods: tuple[str, ...]) -> None:
        allowed = ", ".join(methods)
        super().__init__(405, "method_not_allowed", f"This route answers {allowed}.")
        self.allowed = allowed


def json_response(
    status: int, document: Mapping[str, Any], headers: Mapping[str, str] | None = None
) -> Response:
    """An answer that no cache keeps: it is about one caller and one moment."""
    return Response(
        status,
        {
            "content-type": "application/json; charset=utf-8",
            "cache-control": "no-store",
            **(headers or {}),
        },
        json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(),
    )


def error_response(error: JigDeskError) -> Response:
    """`{"error": {code, message, field?}}`.

    What went wrong behind the API is said in general terms: the store's own words name keys.
    """
    headers: dict[str, str] = {}
    if isinstance(error, RequestError):
        status, body = error.status, error.to_dict()
        if error.retry_after_s is not None:
            headers["retry-after"] = str(error.retry_after_s)
        if isinstance(error, MethodNotAllowed):
            headers["allow"] = error.allowed
        if status == 401:  # noqa: PLR2004
            headers["www-authenticate"] = "Bearer"
    elif isinstance(error, JobError):
        status = 413 if error.error_code is ErrorCode.INPUT_TOO_LARGE else 422
        body = error.to_dict()
    elif isinstance(error, TransientError):
        status = 503
        headers["retry-after"] = str(_RETRY_AFTER_S)
        body = {"code": error.code, "message": "This is not available now; try again soon."}
    else:
        status = 500
        body = {"code": "internal", "message": "Something went wrong on our side."}
    return json_response(status, {"error": body}, headers)


def json_body(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object; raises RequestError 413 or 400."""
    if len(request.body) > MAX_BODY_BYTES:
        raise RequestError(413, "too_large", f"The body may have at most {MAX_BODY_BYTES} bytes.")
    try:
        data = strict_json.decode(request.body, max_bytes=MAX_BODY_BYTES)
    except strict_json.JsonRefused as error:
        raise RequestError(400, "bad_json", f"The body cannot be read: {error}.") from error
    if not isinstance(data, Mapping):
        raise RequestError(400, "bad_json", "The body must be a JSON object.")
    return data


def not_found() -> RequestError:
    """What is not there and what is somebody else's look the same."""
    return RequestError(404, "not_found", "There is no such job.")
