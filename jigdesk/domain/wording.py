"""How messages name a hostile value, and guess what was meant."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

_QUOTED_CHARS = 60
_FEW = 8


def quoted(value: object) -> str:
    """`value` as a message may show it: short, printable, and encodable as UTF-8."""
    if isinstance(value, str):
        text = repr(value[: _QUOTED_CHARS + 1])
    else:
        try:
            text = json.dumps(value, default=repr)
        except (ValueError, RecursionError):  # thousands of digits, or endless nesting
            text = f"a {type(value).__name__}"
    return text if len(text) <= _QUOTED_CHARS + 2 else text[:_QUOTED_CHARS] + "…"


def nearest(name: str, options: Iterable[str]) -> str:
    """A sentence, with a leading space, that says what `name` may have been meant to be.

    Names the closest option, or all of them where they are few; empty where there are none.
    """
    known = sorted({str(option) for option in options})  # an enum prints as its value
    close = difflib.get_close_matches(name[:_QUOTED_CHARS].lower(), known, n=1)
    if close:
        return f" Did you mean {close[0]!r}?"
    if not known:
        return ""
    listed = ", ".join(known[:_FEW]) + (", …" if len(known) > _FEW else "")
    return f" There is: {listed}."


def is_encodable(text: str) -> bool:
    """Whether `text` can be written as UTF-8: it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
