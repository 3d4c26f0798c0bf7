"""Who listens on a port of this machine, and which port is free."""

from __future__ import annotations

import socket
from dataclasses import dataclass

import psutil

CONNECT_S = 0.5
MAX_COMMAND_CHARS = 300


@dataclass(frozen=True, slots=True)
class PortOwner:
    """The process that listens; `pid` and `command` are None when this user may not know."""

    port: int
    pid: int | None
    command: str | None

    def __str__(self) -> str:
        if self.pid is None:
            return "a process of another user"
        return f"process {self.pid}" + (f" ({self.command})" if self.command else "")


def port_owner(port: int, host: str = "127.0.0.1") -> PortOwner | None:
    """Who listens on `port`; None when nobody does. Blocking, some 50 ms: use a thread."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS, without being root
        connections = []
    for connection in connections:
        here = connection.laddr
        if connection.status == psutil.CONN_LISTEN and here and here.port == port:
            return PortOwner(port, connection.pid, command_line(connection.pid))
    if _answers(port, host):
        return PortOwner(port, None, None)
    return None


def command_line(pid: int | None) -> str | None:
    """The command line of a process, shortened; None when it is gone or not to be known."""
    if pid is None:
        return None
    try:
        return " ".join(psutil.Process(pid).cmdline())[:MAX_COMMAND_CHARS] or None
    except psutil.Error:
        return None


def belongs_to(pid: int, ancestor: int) -> bool:
    """Whether `pid` is `ancestor` or one of its descendants. Blocking."""
    if pid == ancestor:
        return True
    try:
        return any(parent.pid == ancestor for parent in psutil.Process(pid).parents())
    except psutil.Error:
        return False


def free_port(host: str = "127.0.0.1") -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(port: int, host: str) -> bool:
    try:
        with socket.create_connection((host, port), timeout=CONNECT_S):
            return True
    except OSError:
        return False
