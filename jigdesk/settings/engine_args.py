"""What ComfyUI's main.py reads out of `comfyui.args`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

_SHORTEST = len("--x")
"""Of the beginnings by which argparse knows an option."""


def given(option: str, args: Sequence[str]) -> str | None:
    """The value of an option; None when it is not given, empty when nothing follows it.

    The last one counts, also after `=` and by a unique beginning of its name, as in argparse.
    """
    found = None
    for word, after in pairwise((*args, "")):
        name, has_value, value = word.partition("=")
        if len(name) >= _SHORTEST and option.startswith(name):
            found = value if has_value else after
    return found
