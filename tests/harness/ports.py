"""Ports for servers that must have the same one again after a restart."""

from __future__ import annotations

import random
import socket

_DRAW = random.SystemRandom()  # tests of properties seed the shared one
_GIVEN: set[int] = set()


def free_port() -> int:
    """A loopback port that is free now and was not given before in this process.

    It lies below those that systems draw for outgoing connections (from 32768 on Linux), so that
    no connection takes it while the server behind it is down or still starting.
    """
    while True:
        port = _DRAW.randint(20_000, 32_000)
        if port not in _GIVEN and is_free(port):
            _GIVEN.add(port)
            return port


def is_free(port: int) -> bool:
    """Whether nobody listens there now."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
