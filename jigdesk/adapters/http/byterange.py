"""The Range header (RFC 9110, section 14)."""

from __future__ import annotations

import re

from jigdesk.domain.errors import RequestError

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.IGNORECASE)


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Start and end (exclusive) of the one range asked for.

    None, which means the whole, for no header and for what may be ignored: other units, several
    ranges, nonsense. Raises RequestError(416) when no byte of the range exists.
    """
    match = _RANGE.fullmatch(header) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size_bytes - int(last)), size_bytes
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        end = min(size_bytes, int(last) + 1) if last else size_bytes
    if start >= end:
        raise RequestError(416, "bad_range", f"The object has {size_bytes} bytes.")
    return start, end
