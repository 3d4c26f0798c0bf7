"""What the demo engine is told on its command line, and the faults that tests ask it for."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

PREVIEW_METHODS = ("none", "auto", "latent2rgb", "taesd")
DEFAULT_STEP_S = 0.04
STEP_VARIABLE, FAULT_VARIABLE = VARIABLES = ("JIGDESK_DEMO_STEP_S", "JIGDESK_DEMO_FAULT")
"""Where tests of a whole desk say what its engine is to do."""


class Fault(StrEnum):
    """What DemoRefine does instead of its work. For tests only."""

    ERROR = "error"  # raises RuntimeError
    OOM = "oom"  # raises an error whose type reads torch.OutOfMemoryError
    HANG = "hang"  # never returns, and hears no interrupt, while HTTP goes on answering
    DIE = "die"  # ends the worker thread, while HTTP goes on accepting (ComfyUI #16312)
    EXIT = "exit"  # ends the whole process at once with exit status 3


@dataclass(frozen=True, slots=True)
class Options:
    """One run of the demo engine; `fault_times` 0 means every time."""

    listen: str
    port: int
    base_directory: Path
    previews: bool
    step_s: float = DEFAULT_STEP_S
    cache_lru: int = 0
    fault: Fault | None = None
    fault_times: int = 0
    argv: tuple[str, ...] = ()


def parse(argv: Sequence[str], environ: Mapping[str, str] = os.environ) -> Options:
    """Read `argv` (without the program's name at its head: that is `argv[0]` and only reported).

    `VARIABLES` are the defaults of the options for tests.
    Ends the process with status 2 on a usage error, as argparse does.
    """
    parser = argparse.ArgumentParser(
        prog="python -m jigdesk.demo",
        description="The demo engine: ComfyUI's protocol with a few image nodes, no GPU needed.",
    )
    parser.add_argument("--listen", default="127.0.0.1", metavar="IP")
    parser.add_argument("--port", type=_port, default=8188, help="0 takes any free port")
    parser.add_argument(
        "--base-directory",
        type=Path,
        default=Path.cwd(),
        help="where the folders input, output and temp are",
    )
    parser.add_argument(
        "--preview-method", choices=PREVIEW_METHODS, default="none", help="none sends no previews"
    )
    parser.add_argument(
        "--cache-lru",
        type=_natural,
        default=0,
        metavar="N",
        help="keep the results of the N nodes used last; 0 keeps those of the last prompt",
    )
    tests = parser.add_argument_group("for tests")
    tests.add_argument(
        "--step-seconds",
        type=_seconds,
        default=environ.get(STEP_VARIABLE, str(DEFAULT_STEP_S)),
        help="how long one step of DemoRefine takes at least",
    )
    tests.add_argument(
        "--fault",
        type=Fault,
        choices=list(Fault),
        default=environ.get(FAULT_VARIABLE) or None,
        help="what DemoRefine does instead of its work",
    )
    tests.add_argument(
        "--fault-times", type=_natural, default=0, metavar="N", help="only the first N times"
    )
    found = parser.parse_args(argv[1:])
    return Options(
        listen=found.listen,
        port=found.port,
        base_directory=found.base_directory.resolve(),
        previews=found.preview_method != "none",
        step_s=found.step_seconds,
        cache_lru=found.cache_lru,
        fault=found.fault,
        fault_times=found.fault_times,
        argv=tuple(argv),
    )


def _natural(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is below 0")
    return value


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:  # noqa: PLR2004 - what a port is
        raise argparse.ArgumentTypeError(f"{value} is no port")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 60:  # noqa: PLR2004 - a step longer than a minute is a typing error
        raise argparse.ArgumentTypeError(f"{value} is not between 0 and 60 seconds")
    return value
