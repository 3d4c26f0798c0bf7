"""Linux: systemd-logind's inhibitor locks, over the system's D-Bus.

A lock is a file descriptor: closing it lets go, and the kernel closes it when the desk dies.
https://systemd.io/INHIBITOR_LOCKS/
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jigdesk.domain.holds import Inhibition

ANSWER_S = 5.0
_WHO = "JigDesk"
# polkit gives the first to whoever sits at the machine, the second to a service as well
_WHAT = (
    ("sleep:idle", "The machine is kept awake by systemd-logind."),
    (
        "idle",
        "The machine does not fall asleep for idleness; systemd-logind lets it be sent to sleep.",
    ),
)


class LogindLock:
    """Implements `services.awake.SleepLock`. `bus` is SYSTEM, or a D-Bus address."""

    def __init__(self, bus: str = "SYSTEM") -> None:
        self._bus = bus
        self._descriptor: int | None = None
        self._says = ""
        self._one_at_a_time = threading.Lock()

    async def hold(self, why: str) -> Inhibition:
        """See `SleepLock`. Cancelled, the call goes on for `ANSWER_S` at most; `release` waits."""
        return await asyncio.to_thread(self._take, why)

    async def release(self) -> None:
        """See `SleepLock`."""
        await asyncio.to_thread(self._drop)

    def _take(self, why: str) -> Inhibition:
        with self._one_at_a_time:
            if self._descriptor is None:
                try:
                    self._descriptor, self._says = _inhibit(self._bus, why)
                except (OSError, RuntimeError, ValueError) as failed:
                    # no bus, a bus that closes or is none, an address that cannot be used
                    return Inhibition(False, f"the system's D-Bus cannot be used ({failed}).")
                except _Refused as refused:
                    return Inhibition(False, f"systemd-logind refused ({refused}).")
            return Inhibition(True, self._says)

    def _drop(self) -> None:
        with self._one_at_a_time:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)


class _Refused(Exception):
    """The first refusal, as the bus tells it."""


def _inhibit(bus: str, why: str) -> tuple[int, str]:
    # on Linux alone; without types of its own
    from jeepney import (  # type: ignore[import-untyped]  # noqa: PLC0415
        DBusAddress,
        DBusErrorResponse,
        new_method_call,
    )
    from jeepney.wrappers import unwrap_msg  # type: ignore[import-untyped]  # noqa: PLC0415

    manager = DBusAddress(
        "/org/freedesktop/login1",
        bus_name="org.freedesktop.login1",
        interface="org.freedesktop.login1.Manager",
    )
    refusals = []
    with _connected(bus) as connection:
        for what, says in _WHAT:
            call = new_method_call(manager, "Inhibit", "ssss", (what, _WHO, why, "block"))
            try:
                (handle,) = unwrap_msg(connection.send_and_get_reply(call))
            except DBusErrorResponse as refusal:
                refusals.append(_words(refusal))
                continue
            descriptor: int = handle.to_raw_fd()
            os.set_inheritable(descriptor, False)  # no child keeps the machine awake after us
            return descriptor, says
    raise _Refused(refusals[0])


@contextmanager
def _connected(bus: str) -> Iterator[Any]:
    """A connection that is closed after `ANSWER_S` at the latest, whatever the bus does."""
    from jeepney.bus import get_bus  # type: ignore[import-untyped]  # noqa: PLC0415
    from jeepney.io.blocking import (  # type: ignore[import-untyped]  # noqa: PLC0415
        DBusConnection,
        prep_socket,
    )

    line = prep_socket(get_bus(bus), enable_fds=True, timeout=ANSWER_S)
    try:
        is_late = threading.Event()
        patience = threading.Timer(ANSWER_S, _give_up, (line, is_late))
        patience.daemon = True
        patience.start()
        try:
            with DBusConnection(line, enable_fds=True) as connection:
                yield connection
        except OSError as lost:
            if is_late.is_set():
                raise TimeoutError(f"no answer within {ANSWER_S:g} s") from lost
            raise
        finally:
            patience.cancel()
            patience.join()
    finally:
        line.close()


def _give_up(line: socket.socket, is_late: threading.Event) -> None:
    is_late.set()
    with suppress(OSError):  # it was closed just then
        line.shutdown(socket.SHUT_RDWR)


def _words(refusal: Any) -> str:
    text = refusal.data[0] if refusal.data and isinstance(refusal.data[0], str) else refusal.name
    return str(text)[:200].rstrip(".")
