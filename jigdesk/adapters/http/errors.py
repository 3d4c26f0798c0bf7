"""How an HTTP route says that something went wrong: `{"error": {code, message, field?}}`."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from jigdesk.domain.errors import (
    JigDeskError,
    JobError,
    ObjectNotFound,
    RequestError,
    SetupError,
    TransientError,
)

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REFUSAL = web.RequestKey("refusal", JigDeskError)
"""Why a request was refused, for whoever logs it."""
STARTED = web.RequestKey("started", bool)
"""Set once the head of the answer went out: from then on no error can be answered."""

SERVER_NAME = "jigdesk"
DEFAULT_RETRY_AFTER_S = 10

_CLOSES = frozenset({408, 413})
"""After these the rest of the body is not worth reading."""

_HTTP_WORDS = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is nothing here."),
    405: ("method_not_allowed", "This route does not take that method."),
    413: ("too_large", "The body is too large."),
    415: ("unsupported_media_type", "The body's type or encoding is not taken here."),
    416: ("range_not_satisfiable", "The range lies outside of the file."),
}


def json_answer(
    data: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Answer with JSON in UTF-8; a text that has no UTF-8 (half a surrogate) goes out escaped."""
    try:
        body = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
    return web.Response(
        body=body,
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )


def error_answer(
    status: int,
    code: str,
    message: str,
    *,
    field: str | None = None,
    retry_after_s: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with an error; a 503 always says when to come again."""
    error: dict[str, Any] = {"code": code, "message": message}
    if field is not None:
        error["field"] = field
    answer = json_answer({"error": error}, status, headers)
    answer.headers.setdefault("Cache-Control", "no-store")
    if status == 503 and retry_after_s is None:  # noqa: PLR2004
        retry_after_s = DEFAULT_RETRY_AFTER_S
    if retry_after_s is not None:
        answer.headers["Retry-After"] = str(max(1, retry_after_s))
    if status in _CLOSES:
        answer.force_close()
    return answer


def status_of(error: JigDeskError) -> int:
    """The HTTP status of an expected failure."""
    if isinstance(error, RequestError):
        return error.status
    if isinstance(error, TransientError):
        return 503
    if isinstance(error, ObjectNotFound):
        return 404
    if isinstance(error, JobError):
        return 422
    if isinstance(error, SetupError):
        return 409
    return 502  # the store or the engine refused for good


def answer_for(error: JigDeskError, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to an expected failure."""
    retry_after_s = error.retry_after_s if isinstance(error, RequestError) else None
    return error_answer(
        status_of(error),
        error.code,
        error.message,
        field=error.field,
        retry_after_s=retry_after_s,
        headers=headers,
    )


@web.middleware
async def json_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever a route raises into the contract's error; bugs keep their traceback."""
    try:
        return await handler(request)
    except JigDeskError as error:
        request[REFUSAL] = error
        _give_up_if_started(request, error)
        return answer_for(error)
    except web.HTTPException as answer:
        if answer.status < 400:  # noqa: PLR2004 - a redirect or a 304 is no error
            raise
        code, message = _HTTP_WORDS.get(answer.status, ("http_error", answer.reason))
        request[REFUSAL] = RequestError(answer.status, code, message)
        kept = {name: answer.headers[name] for name in ("Allow",) if name in answer.headers}
        return error_answer(answer.status, code, message, headers=kept)
    except ConnectionError:
        raise  # the reader went away: nobody is left to be answered
    except Exception as bug:  # noqa: BLE001 - the outermost line: logged whole, answered in one word
        _log.error("%s %s failed", request.method, request.path, exc_info=bug)
        request[REFUSAL] = JigDeskError("internal", f"{type(bug).__name__} (see the log)")
        _give_up_if_started(request, bug)
        return error_answer(500, "internal", "The desk failed here; its log says why.")


async def note_start(request: web.Request, _answer: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: remember that the head goes out, and name the server."""
    request[STARTED] = True
    _answer.headers["Server"] = SERVER_NAME
    _answer.headers.setdefault("X-Content-Type-Options", "nosniff")
    _answer.headers.setdefault("Referrer-Policy", "no-referrer")


def _give_up_if_started(request: web.Request, error: Exception) -> None:
    if request.get(STARTED):
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the answer had begun when it failed") from error
