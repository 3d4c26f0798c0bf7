"""A real X server without a monitor: pictures of it, and a mouse and a keyboard for it.

Xvfb shows what the program draws; xdotool moves the pointer and presses keys through the server's
own XTEST, so that the program cannot tell them from a person's. Where to click is found as a
person finds it: by the colour of a button or a sign. Nothing in the program helps the tests.
Openbox gives dialogs the keyboard and gives it back, as every desktop's window manager does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image, ImageChops, ImageColor, ImageGrab

from tests.harness.waiting import PATIENCE_S

SIZE = (1500, 920)
PROGRAMS = ("Xvfb", "openbox", "xdotool")
_NO_FRAMES = """<?xml version="1.0"?>
<openbox_config xmlns="http://openbox.org/3.4/rc">
  <focus><focusNew>yes</focusNew><followMouse>no</followMouse></focus>
  <applications>
    <application class="*"><decor>no</decor><focus>yes</focus></application>
    <application class="*" type="normal">
      <position force="yes"><x>0</x><y>0</y></position>
    </application>
  </applications>
</openbox_config>
"""
_LOOK_S = 0.1
_ALIKE = 30
"""How far a channel may be off: the edges of small signs are blended with their ground."""
T = TypeVar("T")


def missing_programs() -> list[str]:
    """What is not installed of that which a screen needs."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def may_skip() -> bool:
    """Whether tests may go without a screen: never in CI, which installs one."""
    return bool(missing_programs()) and not os.environ.get("CI")


@dataclass(frozen=True, slots=True)
class Box:
    """A patch of one colour; its edges are inclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def centre(self) -> tuple[int, int]:
        return (self.left + self.right) // 2, (self.top + self.bottom) // 2

    @property
    def width(self) -> int:
        return self.right - self.left + 1

    @property
    def height(self) -> int:
        return self.bottom - self.top + 1


class Screen:
    """One X server; `display` is what a program's DISPLAY must be."""

    def __init__(self, display: str) -> None:
        self.display = display

    def picture(self) -> Image.Image:
        """What is on the screen now."""
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def save(self, path: Path) -> None:
        """Keep what is on the screen now."""
        self.picture().save(path)

    def boxes(self, colour: str, area: Sequence[int] = (0, 0, *SIZE)) -> list[Box]:
        """Every patch of this colour in an area (left, top, right, bottom)."""
        return boxes(self.picture(), colour, area)

    def click(self, x: int, y: int, *, times: int = 1) -> None:
        """The left button, with the pointer moved there first."""
        self._do("mousemove", "--sync", str(x), str(y))
        self._do("click", "--repeat", str(times), "--delay", "60", "1")

    def press(self, *keys: str) -> None:
        """Keys one after the other, such as `ctrl+q`."""
        for key in keys:
            self._do("key", "--clearmodifiers", key)

    def windows(self) -> list[str]:
        """The ids of the visible windows that have a title: no tooltips, no menus."""
        return self._run("search", "--onlyvisible", "--name", ".").stdout.split()

    def is_managed(self) -> bool:
        """Whether a window manager runs."""
        return self._run("get_num_desktops").returncode == 0

    def until(self, look: Callable[[], T | None], what: str, within_s: float = PATIENCE_S) -> T:
        """The first thing that `look` finds; fails when it finds none in time."""
        deadline_s = time.monotonic() + within_s
        while not (found := look()):
            assert time.monotonic() < deadline_s, f"not on the screen in time: {what}"
            time.sleep(_LOOK_S)
        return found

    def _do(self, *arguments: str) -> None:
        done = self._run(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [_program("xdotool"), *arguments],
            env={**os.environ, "DISPLAY": self.display},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


@contextmanager
def screen(folder: Path) -> Iterator[Screen]:
    """Start an X server on a number that is free, with a window manager, and end both.

    `folder` is for the window manager's settings.
    """
    config = folder / "openbox.xml"
    config.write_text(_NO_FRAMES)
    with ExitStack() as stack:
        number = _start_server(stack)
        display = f":{number}"
        _start(
            stack,
            [_program("openbox"), "--sm-disable", "--config-file", str(config)],
            env={**os.environ, "DISPLAY": display, "HOME": str(folder)},
        )
        shown = Screen(display)
        shown.until(shown.is_managed, "a window manager")
        yield shown


def _start_server(stack: ExitStack) -> str:
    read, write = os.pipe()
    told = stack.enter_context(os.fdopen(read))
    try:
        _start(
            stack,
            [
                _program("Xvfb"),
                *("-displayfd", str(write)),
                *("-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"),
                *("-nolisten", "tcp", "-noreset"),
            ],
            pass_fds=(write,),
        )
    finally:
        os.close(write)
    number = told.readline().strip()  # the line ends early when the server did
    assert number, "Xvfb did not start"
    return number


def _start(stack: ExitStack, command: Sequence[str], **how: Any) -> None:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    stack.callback(process.wait, PATIENCE_S)
    stack.callback(process.terminate)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return found


def boxes(picture: Image.Image, colour: str, area: Sequence[int]) -> list[Box]:
    """The patches of a colour, by their edges; pieces that touch are one."""
    left, top, right, bottom = area
    piece = picture.crop((left, top, min(right, picture.width), min(bottom, picture.height)))
    ground = Image.new("RGB", piece.size, ImageColor.getrgb(colour))
    apart = ImageChops.difference(piece, ground).split()
    most = ImageChops.lighter(ImageChops.lighter(apart[0], apart[1]), apart[2])
    like = most.point(lambda value: 255 if value <= _ALIKE else 0)
    found = {
        (left + at % piece.width, top + at // piece.width)
        for at, is_like in enumerate(like.tobytes())
        if is_like
    }
    patches = []
    while found:
        todo = [found.pop()]
        patch = []
        while todo:
            x, y = todo.pop()
            patch.append((x, y))
            for step_x in (-1, 0, 1):
                for step_y in (-1, 0, 1):
                    beside = (x + step_x, y + step_y)
                    if beside in found:
                        found.discard(beside)
                        todo.append(beside)
        xs, ys = [x for x, _ in patch], [y for _, y in patch]
        patches.append(Box(min(xs), min(ys), max(xs), max(ys)))
    return sorted(patches, key=lambda box: (box.top, box.left))
