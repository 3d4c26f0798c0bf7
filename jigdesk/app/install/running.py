"""Runs a program to its end, with each line told, and within a limit of silence."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jigdesk.adapters.process.child import ChildProcess, ExitReason
from jigdesk.adapters.process.lines import Line
from jigdesk.domain.errors import JigDeskError

KEPT_LINES = 500
GRACE_S = 5.0

Tell = Callable[[Line], None]


class ProgramFailed(JigDeskError):
    """It did not end well; `lines` are its last ones."""

    def __init__(self, message: str, lines: Sequence[str]) -> None:
        super().__init__("program_failed", message)
        self.lines = tuple(lines)


async def run_to_end(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    tell: Tell,
    quiet_s: float,
) -> None:
    """Run `argv` and tell its lines; its output is appended to `log_path` as well.

    Raises ProgramFailed when it ends with another exit status than 0, or says nothing for
    `quiet_s` seconds, and SetupError when it cannot be started. Cancelled or killed, the
    program ends with all that it started.
    """
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    heard = asyncio.Event()

    def listen(line: Line) -> None:
        heard.set()
        if not line.transient:
            kept.append(line.text)
        tell(line)

    child = await ChildProcess.start(argv, env=env, cwd=cwd, log_path=log_path, grace_s=GRACE_S)
    try:
        for text in child.last_lines():  # what came before anybody listened
            listen(Line(text, transient=False))
        child.subscribe(listen)
        ended = await _ended(child, heard, quiet_s)
    finally:
        await child.stop()
    if ended is None:
        raise ProgramFailed(f"It said nothing for {quiet_s / 60:g} minutes and was ended.", kept)
    if ended.code != 0:
        how = f"exit status {ended.code}" if ended.signal is None else f"signal {ended.signal}"
        raise ProgramFailed(f"It ended with {how}.", kept)


async def _ended(child: ChildProcess, heard: asyncio.Event, quiet_s: float) -> ExitReason | None:
    """How it ended; None when it went quiet."""
    ending = asyncio.create_task(child.wait())
    try:
        while not ending.done():
            heard.clear()
            hearing = asyncio.create_task(heard.wait())
            try:
                done, _ = await asyncio.wait(
                    {ending, hearing}, timeout=quiet_s, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                hearing.cancel()
            if not done:
                return None
        return ending.result()
    finally:
        ending.cancel()
