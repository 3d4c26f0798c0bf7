"""DemoRefine: the demo engine's own slow node, which has steps, progress and previews."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageFilter

from jigdesk.demo.options import Fault
from jigdesk.demo.run import Images, NodeResult, NodeRun, WorkerDied
from jigdesk.demo.schema import Input, NodeClass

MAX_SEED = 0xFFFFFFFFFFFFFFFF
PREVIEW_PX = 512
NOISE_PX = 128
EXIT_STATUS = 3


class OutOfMemoryError(RuntimeError):
    """What the fault `oom` raises; clients see the type that PyTorch's error has."""

    __module__ = "torch"


def refine_nodes() -> tuple[NodeClass, ...]:
    """The node class of this module."""
    return (
        NodeClass(
            name="DemoRefine",
            display_name="Refine (demo)",
            category="demo",
            module="jigdesk.demo",
            description="Brings a picture into focus step by step. Only the demo engine has it.",
            inputs=(
                Input("image", "IMAGE"),
                Input("steps", "INT", {"default": 12, "min": 1, "max": 100}),
                Input(
                    "seed",
                    "INT",
                    {"default": 0, "min": 0, "max": MAX_SEED, "control_after_generate": True},
                    optional=True,
                ),
            ),
            outputs=("IMAGE",),
            run=refine,
        ),
    )


def refine(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Go from noise to the picture in `steps` steps and give it back with its edges refined.

    The steps are worked out on a small copy of the first picture, which is what previews show;
    the last one treats every picture at its full size.
    """
    _show(run.faults.next())
    images: Images = given["image"]
    steps: int = given["steps"]
    small = images[0].copy()
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    noise = _noise(given.get("seed", 0), small.size)
    refined: Images = []
    for step in range(1, steps + 1):
        began = time.monotonic()
        run.interrupt.check()
        frame = _focus(small, noise, step / steps)
        if step == steps:
            refined = [each.filter(ImageFilter.UnsharpMask(2, 80, 2)) for each in images]
        run.interrupt.pause(max(0.0, run.step_s - (time.monotonic() - began)))
        run.progress(step, steps, frame.copy)
    return NodeResult((refined,))


def _noise(seed: int, size: tuple[int, int]) -> Image.Image:
    # Not for secrets: a seed must give the same noise everywhere.
    bytes_ = random.Random(seed).randbytes(NOISE_PX * NOISE_PX * 3)  # noqa: S311
    tile = Image.frombytes("RGB", (NOISE_PX, NOISE_PX), bytes_)
    return tile.resize(size, Image.Resampling.NEAREST)


def _focus(image: Image.Image, noise: Image.Image, done: float) -> Image.Image:
    """The picture when `done` (0 to 1) of the work is done."""
    left = 1.0 - done
    soft = image.filter(ImageFilter.GaussianBlur(left * max(image.size) / 16))
    return Image.blend(soft, noise, left * 0.7)


def _show(fault: Fault | None) -> None:
    match fault:
        case Fault.ERROR:
            raise RuntimeError("The fault that was asked for on the command line.")
        case Fault.OOM:
            raise OutOfMemoryError("Allocation on device ")
        case Fault.HANG:
            threading.Event().wait()
        case Fault.DIE:
            raise WorkerDied
        case Fault.EXIT:
            os._exit(EXIT_STATUS)
        case None:
            pass
