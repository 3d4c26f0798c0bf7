"""Sleep and network changes, told from time that just passes."""

from __future__ import annotations

import asyncio

import pytest

from jigdesk.adapters.tunnel import wake
from jigdesk.adapters.tunnel.wake import Addresses, Wakefulness, addresses, watch_wakes
from tests.harness.waiting import eventually

HOME = frozenset({("eth0", "192.0.2.1")})
AWAY = frozenset({("wlan0", "198.51.100.7")})


def test_time_that_passes_is_nothing() -> None:
    watch = Wakefulness(1000, 50, HOME)
    assert watch.look(1002, 52, HOME, waited_s=2) is None
    assert watch.look(1005, 55, HOME, waited_s=2) is None  # a busy machine


def test_a_wall_clock_that_ran_on_alone_means_sleep_and_is_told_once() -> None:
    watch = Wakefulness(1000, 50, HOME)
    assert watch.look(4600, 52, HOME, waited_s=2) == "the machine slept"
    assert watch.look(4602, 54, HOME, waited_s=2) is None


def test_both_clocks_jump_where_the_monotonic_one_counts_sleep() -> None:
    watch = Wakefulness(1000, 50, HOME)
    assert watch.look(1600, 650, HOME, waited_s=2) == "the machine slept"


def test_a_clock_that_is_set_back_is_no_sleep() -> None:
    watch = Wakefulness(1000, 50, HOME)
    assert watch.look(400, 52, HOME, waited_s=2) is None


def test_a_new_address_is_a_change_of_network() -> None:
    watch = Wakefulness(1000, 50, HOME)
    assert watch.look(1002, 52, AWAY, waited_s=2) == "the network changed"
    assert watch.look(1004, 54, AWAY, waited_s=2) is None


def test_this_machines_addresses_leave_loopback_out() -> None:
    assert not any(address.startswith("127.") or address == "::1" for _, address in addresses())


async def test_a_system_that_tells_no_addresses_changed_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    answers: list[Addresses | OSError] = [HOME, OSError(24, "Too many open files"), HOME, AWAY]

    def look() -> Addresses:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(wake, "addresses", look)
    watching = asyncio.create_task(watch_wakes(told.append, every_s=0.01))
    await eventually(lambda: told)
    watching.cancel()
    assert told == ["the network changed"]
