"""Sleep and network changes, told from time that just passes."""

from __future__ import annotations

from jigdesk.adapters.tunnel.wake import Wakefulness, addresses

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
