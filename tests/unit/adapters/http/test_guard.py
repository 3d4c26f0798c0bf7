"""Which hosts and origins the local listener answers for."""

from __future__ import annotations

import pytest

from jigdesk.adapters.http.guard import LOOPBACK_HOSTS, Guard

GUARD = Guard((*LOOPBACK_HOSTS, "Desk.lan", "pinned.lan:8766"), ("https://Shop.example/",))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8766",
        "[::1]:8766",
        "[::1]",
        "desk.lan",
        "DESK.LAN:99",
        "pinned.lan:8766",
    ],
)
def test_hosts_of_ours(host: str) -> None:
    assert GUARD.host_allowed(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8766",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost:8766@evil.example",
        "evil.example#localhost",
        "localhost:99999999",
        "localhost:",
        "localhost,evil.example",
        "localhost evil.example",
        "[::1",
        "::1",
        "127.1",
        "0.0.0.0:8766",
        "pinned.lan",
        "pinned.lan:1",
        "localhost.",
        "löcalhost",
        "localhost\n",
    ],
)
def test_hosts_of_strangers(host: str) -> None:
    assert not GUARD.host_allowed(host)


def test_a_bare_ipv6_setting_means_its_bracketed_form() -> None:
    assert Guard(["::1"]).host_allowed("[::1]:8766")


def test_only_listed_origins_count() -> None:
    assert GUARD.origin_allowed("https://shop.example")
    for origin in (
        "null",
        "",
        "http://shop.example",
        "https://shop.example:444",
        "https://shop.example.evil.example",
        "https://evil.example",
        "https://sub.shop.example",
    ):
        assert not GUARD.origin_allowed(origin)


def test_null_is_never_allowed_even_when_listed() -> None:
    assert not Guard([], ["null"]).origin_allowed("null")


def test_an_origin_is_ours_only_at_the_very_same_host_and_port() -> None:
    assert GUARD.origin_is_ours("http://localhost:8766", "localhost:8766")
    assert not GUARD.origin_is_ours("http://localhost:3000", "localhost:8766")
    assert not GUARD.origin_is_ours("http://127.0.0.1:8766", "localhost:8766")
    assert not GUARD.origin_is_ours("null", "localhost:8766")
