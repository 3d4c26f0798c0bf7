"""Notices that the machine slept or changed its network."""

from __future__ import annotations

import asyncio
import ipaddress
import time
from collections.abc import Callable

import psutil

LOOK_EVERY_S = 2.0
JUMP_S = 10.0

_INNER = ("docker", "veth", "br-", "virbr", "vmnet", "cni", "flannel", "cali")

Addresses = frozenset[tuple[str, str]]


def addresses() -> Addresses:
    """The machine's addresses by interface; loopback and link-local ones say nothing. Blocks."""
    found = set()
    for name, entries in psutil.net_if_addrs().items():
        if name.startswith(_INNER):
            continue  # it comes and goes with every container, and no way leads out of it
        for entry in entries:
            try:
                address = ipaddress.ip_address(entry.address.partition("%")[0])
            except ValueError:
                continue  # a MAC address
            if not address.is_loopback and not address.is_link_local:
                found.add((name, str(address)))
    return frozenset(found)


def _addresses_or(before: Addresses) -> Addresses:
    """Those of before while the system tells none (it has no file handle left, for one)."""
    try:
        return addresses()
    except OSError:
        return before


class Wakefulness:
    """Tells sleep and network changes apart from time that just passes.

    The wall clock goes on while the machine sleeps, the monotonic one (on Linux and macOS) does
    not; where both do (Windows), both jump over the moment at which we wanted to look.
    """

    def __init__(self, wall_s: float, monotonic_s: float, seen: Addresses) -> None:
        self._wall_s = wall_s
        self._monotonic_s = monotonic_s
        self._addresses = seen

    def look(
        self, wall_s: float, monotonic_s: float, seen: Addresses, *, waited_s: float
    ) -> str | None:
        """What happened since the last look, in words; None when nothing did."""
        wall, monotonic = wall_s - self._wall_s, monotonic_s - self._monotonic_s
        before, self._addresses = self._addresses, seen
        self._wall_s, self._monotonic_s = wall_s, monotonic_s
        if wall - monotonic > JUMP_S or monotonic - waited_s > JUMP_S:
            return "the machine slept"
        if before != seen:
            return "the network changed"
        return None


async def watch_wakes(told: Callable[[str], None], every_s: float = LOOK_EVERY_S) -> None:
    """Call `told` after each sleep and each change of network, until cancelled."""
    seen = await asyncio.to_thread(_addresses_or, frozenset())
    watch = Wakefulness(time.time(), time.monotonic(), seen)
    while True:
        await asyncio.sleep(every_s)
        seen = await asyncio.to_thread(_addresses_or, seen)
        happened = watch.look(time.time(), time.monotonic(), seen, waited_s=every_s)
        if happened is not None:
            told(happened)
