"""What a node gets to run with, and what it gives back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from jigdesk.demo.folders import Folders
from jigdesk.demo.options import Fault

Images = list[Image.Image]
"""What flows along an IMAGE link: a batch of RGB pictures of one size. Never changed in place."""


class Interrupted(Exception):
    """The owner asked for the running prompt to end."""


class WorkerDied(BaseException):
    """The fault `die`: the worker thread ends as if a bug had escaped it."""


class Interrupt:
    """The request to end the running prompt; heard at the next node or step."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    def ask(self) -> None:
        """Ask whatever runs to end."""
        self._asked.set()

    def forget(self) -> None:
        """Begin a prompt: an earlier request was not for it."""
        self._asked.clear()

    def check(self) -> None:
        """Raise Interrupted when asked to; the request is used up by that."""
        if self._asked.is_set():
            self._asked.clear()
            raise Interrupted

    def pause(self, seconds: float) -> None:
        """Wait, or less when asked to end (which the next `check` then hears)."""
        self._asked.wait(seconds)


class Faults:
    """The fault that tests asked for, and how often it still happens."""

    def __init__(self, fault: Fault | None, times: int) -> None:
        self._fault = fault
        self._left = times if times else None

    def next(self) -> Fault | None:
        """The fault to show now; None for an honest run."""
        if self._fault is None or self._left == 0:
            return None
        if self._left is not None:
            self._left -= 1
        return self._fault


@dataclass(frozen=True, slots=True)
class NodeResult:
    """A node's outputs in order, and what it shows (`ui`); None when it shows nothing."""

    outputs: tuple[Any, ...] = ()
    ui: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One node's turn. `progress(value, maximum, preview)` raises Interrupted.

    `preview` makes the picture to show, and is called only when previews are on.
    """

    folders: Folders
    interrupt: Interrupt
    faults: Faults
    progress: Callable[[int, int, Callable[[], Image.Image]], None]
    step_s: float
    temp_tag: str
    graph: Mapping[str, Any] = field(default_factory=dict)
    extra_pnginfo: Mapping[str, Any] = field(default_factory=dict)
