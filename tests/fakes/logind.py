"""systemd-logind's inhibitor locks on a bus; that one was let go the kernel tells, as there."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from jeepney import (  # type: ignore[import-untyped]
    HeaderFields,
    MessageType,
    new_error,
    new_method_return,
)
from jeepney.bus_messages import message_bus  # type: ignore[import-untyped]
from jeepney.io.blocking import open_dbus_connection  # type: ignore[import-untyped]

NAME = "org.freedesktop.login1"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
LOOK_EVERY_S = 0.05


@dataclass
class Lock:
    """One lock as it was asked for; `released` once no process has its descriptor any more."""

    what: str
    who: str
    why: str
    mode: str
    released: bool = False


class FakeLogind:
    """Answers `Inhibit` in a thread of its own.

    `denies` are the parts of `what` that polkit does not allow; `is_mute` answers nothing.
    """

    def __init__(self, address: str) -> None:
        self.locks: list[Lock] = []
        self.denies: set[str] = set()
        self.is_mute = False
        self._address = address
        self._pipes: dict[int, Lock] = {}
        self._stop = threading.Event()

    @property
    def held(self) -> list[str]:
        """What is inhibited now, lock by lock."""
        return [lock.what for lock in self.locks if not lock.released]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Own the name on the bus while the block runs."""
        with open_dbus_connection(self._address, enable_fds=True) as bus:
            bus.send_and_get_reply(message_bus.RequestName(NAME))
            thread = threading.Thread(target=self._serve, args=(bus,), name="logind")
            thread.start()
            try:
                yield
            finally:
                self._stop.set()
                thread.join()
                for pipe in self._pipes:
                    os.close(pipe)

    def _serve(self, bus: Any) -> None:
        while not self._stop.is_set():
            try:
                call = bus.receive(timeout=LOOK_EVERY_S)
            except TimeoutError:
                call = None
            if call is not None and call.header.message_type is MessageType.method_call:
                self._answer(bus, call)
            self._look_at_pipes()

    def _answer(self, bus: Any, call: Any) -> None:
        if self.is_mute:
            return
        if call.header.fields[HeaderFields.member] != "Inhibit":
            bus.send(new_error(call, "org.freedesktop.DBus.Error.UnknownMethod"))
            return
        what, who, why, mode = call.body
        if self.denies & set(what.split(":")):
            bus.send(new_error(call, DENIED, "s", ("Permission denied",)))
            return
        ours, theirs = os.pipe()
        lock = Lock(what, who, why, mode)
        self.locks.append(lock)
        self._pipes[ours] = lock
        bus.send(new_method_return(call, "h", (theirs,)))
        os.close(theirs)

    def _look_at_pipes(self) -> None:
        for pipe in [pipe for pipe in self._pipes if _hung_up(pipe)]:
            self._pipes.pop(pipe).released = True
            os.close(pipe)


def _hung_up(pipe: int) -> bool:
    """Whether every other end is closed: a process that dies closes its own."""
    poll = select.poll()
    poll.register(pipe, select.POLLHUP)
    return any(events & select.POLLHUP for _, events in poll.poll(0))
