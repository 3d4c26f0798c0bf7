"""JSON from strangers: bounded, unambiguous, and refused with a place."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 32
_MAX_DIGITS = 40
# A string that is never closed matches up to the end, so that no quote in it is tried again.
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


class JsonRefused(ValueError):
    """`message` says what is wrong; `line` and `column` count from 1, None where unknown."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        place = "" if line is None else f" (line {line}, column {column})"
        super().__init__(f"{message}{place}")
        self.line = line
        self.column = column


def decode(body: bytes, *, max_bytes: int, max_depth: int = MAX_DEPTH) -> Any:
    """Decode one JSON text; a byte order mark is skipped.

    Raises JsonRefused for what is too large, too deep, no UTF-8 or no JSON, and for what
    readers would understand differently: a key that stands twice in an object, NaN and
    Infinity, numbers that are too large.
    """
    if len(body) > max_bytes:
        raise JsonRefused(f"it has {len(body)} bytes, {max_bytes} are allowed")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise JsonRefused(f"byte {exc.start + 1} is not UTF-8") from exc
    if not text.strip():
        raise JsonRefused("it is empty")
    _check_depth(text, max_depth)
    try:
        return json.loads(
            text,
            object_pairs_hook=_unambiguous,
            parse_constant=_no_constant,
            parse_int=_bounded_int,
            parse_float=_finite_float,
        )
    except json.JSONDecodeError as exc:
        raise JsonRefused(f"it is not JSON: {exc.msg}", exc.lineno, exc.colno) from exc


def _check_depth(text: str, max_depth: int) -> None:
    depth = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in "[{":
            depth += 1
        elif match[0] in "]}":
            depth -= 1
        if depth > max_depth:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            raise JsonRefused(f"it nests deeper than {max_depth} levels", line, column)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonRefused(f"the key {key[:60]!r} stands twice in one object")
            seen.add(key)
    return table


def _no_constant(name: str) -> Any:
    raise JsonRefused(f"{name} is not a JSON value")


def _bounded_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise JsonRefused(f"a number has {len(digits)} digits")
    return int(digits)


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise JsonRefused(f"the number {digits[:20]} is too large")
    return value
