"""ngrok agents that somebody else started on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

import psutil

_NAMES = frozenset({"ngrok", "ngrok.exe"})
_MAX_AGENTS = 8


@dataclass(frozen=True, slots=True)
class ForeignAgent:
    """An agent that runs: its pid, command line, and the loopback ports it listens on."""

    pid: int
    command: str
    ports: tuple[int, ...]

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def foreign_agents(not_these: Collection[int] = ()) -> tuple[ForeignAgent, ...]:
    """The agents of this machine, but for the pids in `not_these`. Blocks some 50 ms."""
    found = []
    for process in psutil.process_iter(["name"]):
        if process.info["name"] not in _NAMES or process.pid in not_these:
            continue
        with contextlib.suppress(psutil.Error):
            ports = sorted(
                one.laddr.port
                for one in process.net_connections("tcp")
                if one.status == psutil.CONN_LISTEN and one.laddr
            )
            command = " ".join(process.cmdline())[:200]
            found.append(ForeignAgent(process.pid, command, tuple(ports)))
        if len(found) >= _MAX_AGENTS:
            break
    return tuple(found)
