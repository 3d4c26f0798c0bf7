"""JSON of an engine, as texts that can be written as UTF-8 again."""

from __future__ import annotations

import json
import re
from typing import Any

_HALF = re.compile(r"\\u[dD][89a-fA-F]")


def read_json(text: str | bytes) -> Any:
    """Decode JSON; raises ValueError or RecursionError.

    Halves of surrogate pairs become `?`: Python names files so whose names are not UTF-8, and
    nodes quote them, but no document, event or answer of ours could hold one.
    """
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    parsed = json.loads(text)
    if _HALF.search(text):
        parsed = json.loads(json.dumps(parsed, ensure_ascii=False).encode(errors="replace"))
    return parsed
