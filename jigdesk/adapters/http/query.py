"""Reading a query strictly: an unknown, doubled or malformed parameter is named, not ignored."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from jigdesk.adapters.http.api import single_values
from jigdesk.domain.errors import RequestError
from jigdesk.domain.job import JobStatus

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MAX_CURSOR_LENGTH = 512
MAX_TEXT_LENGTH = 200


def read_query(request: web.Request, allowed: Iterable[str]) -> dict[str, str]:
    """The query's parameters, each at most once; raises RequestError(400) naming a wrong one."""
    found = single_values(request)
    known = frozenset(allowed)
    for name in found:
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise bad_parameter(name[:60], f"There is no such parameter; there are: {choices}.")
    return found


def read_limit(query: dict[str, str]) -> int:
    """`limit`, 1 to 200, 50 when it is not given."""
    return read_integer(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)


def read_integer(query: dict[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds; raises RequestError(400)."""
    text = query.get(name)
    if not text:  # `limit=` is what a form with an empty field sends
        return default
    plain = text.isascii() and text.isdigit() and len(text) <= len(str(high))
    if not plain or not low <= int(text) <= high:
        raise bad_parameter(name, f"{name} is a whole number from {low} to {high}.")
    return int(text)


def read_text(query: dict[str, str], name: str, max_length: int = MAX_TEXT_LENGTH) -> str | None:
    """A bounded text; None when it is not given."""
    text = query.get(name)
    if text is not None and len(text) > max_length:
        raise bad_parameter(name, f"{name} has at most {max_length} characters.")
    return text


def read_states(query: dict[str, str]) -> tuple[JobStatus, ...]:
    """`state`: one status or several with commas between; all when it is not given."""
    text = query.get("state", "")
    if not text:
        return ()
    found: list[JobStatus] = []
    for word in text.split(","):
        try:
            status = JobStatus(word.strip())
        except ValueError:
            choices = ", ".join(status.value for status in JobStatus)
            raise bad_parameter("state", f"A state is one of {choices}.") from None
        if status not in found:
            found.append(status)
    return tuple(found)


def bad_parameter(name: str, message: str) -> RequestError:
    """The answer to a parameter that cannot be taken."""
    return RequestError(400, "bad_request", message, field=name)
