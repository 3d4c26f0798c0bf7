from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jigdesk.domain.host import HostRegistration, newest_first, parse_host, webhook_target

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _host(host_id: str = "desk-1", age_s: int = 0, **more: Any) -> HostRegistration:
    known: dict[str, Any] = {
        "webhook_url": "https://a.example",
        "accepting": True,
        "state": "running",
        "queue_depth": 0,
        "expires_at": NOW + timedelta(seconds=90 - age_s),
    }
    return HostRegistration(host_id=host_id, **{**known, **more})


def test_a_registration_reads_as_it_was_written() -> None:
    host = _host(state="paused", queue_depth=3)
    assert parse_host(json.dumps(host.to_dict()).encode()) == host


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"host_id": "../x"},
        {"host_id": 7},
        {"webhook_url": "ftp://a"},
        {"webhook_url": 7},
        {"webhook_url": "http://[::1"},
        {"webhook_url": "https://user:word@a.example"},
        {"webhook_url": "https://a.example/\r\nx: y"},
        {"webhook_url": "https://a.example:99999"},
        {"webhook_url": "https://a..example"},
        {"webhook_url": f"https://{'a' * 64}.example"},
        {"state": "asleep"},
        {"queue_depth": -1},
        {"queue_depth": True},
        {"expires_at": "soon"},
        {"expires_at": None},
        {"expires_at": "9999-12-31T23:00:00-02:00"},
    ],
)
def test_a_bad_registration_says_what_is_wrong(change: dict[str, object]) -> None:
    body = json.dumps({**_host().to_dict(), **change}).encode()
    with pytest.raises(ValueError, match=r"."):
        parse_host(body)


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"null"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_host(body)


def test_only_fresh_desks_that_take_jobs_are_chosen_newest_first() -> None:
    hosts = [
        _host("older", 30),
        _host("expired", 91),
        _host("newest", 1),
        _host("draining", 0, state="draining"),
        _host("full", 0, accepting=False),
        _host("no-tunnel", 0, webhook_url=None),
        _host("paused", 2, state="paused"),
    ]
    assert [host.host_id for host in newest_first(hosts, NOW)] == ["newest", "paused", "older"]


@pytest.mark.parametrize(
    "base_url",
    [
        "https://a.example/desk",
        "https://a.example/desk/",
        "https://a.example/desk/webhooks",
        "https://a.example/desk/webhooks/job-output/",
        "https://a.example/desk?x=1#y",
    ],
)
def test_a_route_is_put_behind_the_base(base_url: str) -> None:
    target = webhook_target(base_url, "job-created")
    assert target == "https://a.example/desk/webhooks/job-created"
