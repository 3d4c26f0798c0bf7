"""`python -m jigdesk.adapters.process.launcher --fd N -- command…`: a child that cannot outlive us.

The launcher stands between the desk and the command. It holds the reading end (`--fd`) of a
pipe whose writing end only the desk has: when that closes, even by `kill -9`, it ends the whole
tree below it, first politely, after `--grace` seconds for good. It ends as the command ended,
with the same exit code or by the same signal. Written to the pipe, `t` asks for the same end
and `k` for one without grace.

On `--report-fd` it writes a JSON line when the command runs (`pid`), and one when it ended
(`code`, `signal`, `peak_rss_bytes`) or could not be started (`error`). With `--env-from-fd` the
first line on `--fd` is the command's environment as JSON, so that no secret is on a command
line. Standard library only: it stays as long as the command does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

CANNOT_START = 127
DEFAULT_GRACE_S = 5.0
MAX_ENV_BYTES = 4 * 1024 * 1024


def main(argv: Sequence[str]) -> int:
    """Run the command in `argv`; returns the exit code to end with."""
    options = _parse(argv)
    report_fd = None if options.report_fd is None else _own_fd(options.report_fd, os.O_WRONLY)

    def report(said: Mapping[str, Any]) -> None:
        if report_fd is None:
            return
        try:
            os.write(report_fd, json.dumps(said).encode() + b"\n")
        except BrokenPipeError:  # the desk is gone; its end of the life pipe says so too
            return

    life_fd = _own_fd(options.fd, os.O_RDONLY)
    env = _read_env(life_fd) if options.env_from_fd else None
    if sys.platform == "win32":
        from jigdesk.adapters.process.launch_windows import (  # noqa: PLC0415
            Launch,
            end_like,
        )
    else:
        from jigdesk.adapters.process.launch_posix import (  # noqa: PLC0415
            Launch,
            end_like,
        )
    try:
        status = Launch(life_fd, options.grace, report).run(options.command, options.cwd, env)
    except OSError as failed:
        report({"error": str(failed)})
        return CANNOT_START
    return end_like(status)


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="launcher", description="Run a command, and end it.")
    parser.add_argument("--fd", type=int, required=True, help="ends the command when it closes")
    parser.add_argument("--report-fd", type=int)
    parser.add_argument("--env-from-fd", action="store_true")
    parser.add_argument("--grace", type=float, default=DEFAULT_GRACE_S, metavar="SECONDS")
    parser.add_argument("--cwd")
    parser.add_argument("command", nargs="+", metavar="-- command")
    return parser.parse_args(argv)


def _own_fd(number: int, flags: int) -> int:
    """A descriptor that the command does not inherit; on Windows `number` is a handle."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        number = msvcrt.open_osfhandle(number, flags)
    os.set_inheritable(number, False)
    return number


def _read_env(fd: int) -> dict[str, str]:
    """The environment, byte by byte: what follows it is for the watch."""
    text = bytearray()
    while len(text) < MAX_ENV_BYTES:
        byte = os.read(fd, 1)
        if byte == b"\n":
            env: dict[str, str] = json.loads(text)
            return env
        if not byte:
            break
        text += byte
    sys.exit(CANNOT_START)  # the desk was gone before it said all


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
