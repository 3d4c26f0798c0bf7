"""Whether a window can be shown here, found out by a process that may die of it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

ANSWERS_WITHIN_S = 60.0
"""Qt waits without an end for a display that takes the connection and says nothing."""
_NEEDS_NONE = frozenset({"offscreen", "minimal"})
_NAMES = ("WAYLAND_DISPLAY", "DISPLAY")
_QT = "qt.qpa."


def has_display(env: Mapping[str, str]) -> bool:
    """Whether a display is named at all."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(env.get(name) for name in (*_NAMES, "QT_QPA_PLATFORM"))


@contextlib.contextmanager
def trying_display() -> Iterator[Callable[[], str]]:
    """Begin to try; what it gives waits, and says why no window can be shown: empty when one can.

    Qt aborts the whole process where a display is named that does not answer or lets nobody in.
    """
    if sys.platform in ("win32", "darwin") or os.environ.get("QT_QPA_PLATFORM") in _NEEDS_NONE:
        yield lambda: ""
        return
    spec = importlib.util.find_spec("ui.probe")
    if spec is None or spec.origin is None:
        raise AssertionError("the window has no probe")
    # -P: neither the folder of the file nor the one we are in hides a library
    process = subprocess.Popen(
        (sys.executable, "-P", spec.origin),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        yield lambda: _why_not(process)
    finally:
        process.kill()
        process.communicate()


def _why_not(process: subprocess.Popen[str]) -> str:
    try:
        _, said = process.communicate(timeout=ANSWERS_WITHIN_S)
    except subprocess.TimeoutExpired:
        return f"{_place()} does not answer."
    if process.returncode == 0:
        return ""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    words = [line.partition(": ")[2] for line in lines if line.startswith(_QT)]
    reason = (words or lines or ["Qt ended without a word"])[0]
    return f"{_place()} cannot be used: {reason.rstrip('.')}."


def _place() -> str:
    """`The display (DISPLAY=:99)`."""
    named = [f"{name}={os.environ[name]}" for name in _NAMES if os.environ.get(name)]
    return f"The display ({', '.join(named)})" if named else "The display"
