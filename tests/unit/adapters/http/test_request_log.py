"""The request log keeps the newest, within bounds, with no credential in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from jigdesk.adapters.http.request_log import MAX_BODY_BYTES, LoggedRequest, RequestLog, redact

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def put(log: RequestLog, **other: Any) -> LoggedRequest:
    wanted: dict[str, Any] = {
        "at": NOW,
        "method": "POST",
        "path": "/webhooks/job-created",
        "status": 202,
        "verdict": "accepted",
        "reason": "",
        "latency_s": 0.001,
        "source": "203.0.113.7",
        "headers": [("Host", "x")],
        "body": b"{}",
        "answer": "{}",
    }
    return log.add(**(wanted | other))


def test_the_oldest_make_room_by_count() -> None:
    log = RequestLog(max_entries=3)
    ids = [put(log).id for _ in range(5)]
    entries, following = log.page(10)
    assert [entry.id for entry in entries] == ids[:1:-1]
    assert following is None
    assert log.get(ids[0]) is None


def test_the_oldest_make_room_by_bytes() -> None:
    log = RequestLog(max_entries=1000, max_bytes=100_000)
    for _ in range(50):
        put(log, body=b"x" * MAX_BODY_BYTES)
    entries, _ = log.page(100)
    assert 1 <= len(entries) <= 6
    assert sum(entry.cost_bytes for entry in entries) <= 100_000


def test_headers_cannot_fill_the_memory() -> None:
    entry = put(RequestLog(), headers=[(f"x-{n}", "v" * 8000) for n in range(128)])
    assert entry.cost_bytes < 40_000


def test_a_long_body_is_cut_and_says_so() -> None:
    entry = put(RequestLog(), body=b"x" * (MAX_BODY_BYTES + 1))
    assert (len(entry.body), entry.size_bytes, entry.body_cut) == (
        MAX_BODY_BYTES,
        MAX_BODY_BYTES + 1,
        True,
    )


def test_pages_follow_each_other_while_new_ones_come() -> None:
    log = RequestLog()
    ids = [put(log).id for _ in range(5)]
    first, cursor = log.page(2)
    put(log)
    second, cursor = log.page(2, cursor)
    third, end = log.page(2, cursor)
    assert [entry.id for page in (first, second, third) for entry in page] == ids[::-1]
    assert end is None


@pytest.mark.parametrize("cursor", ["", "x", "abc-1", "-", "1"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(ValueError, match="not a request"):
        RequestLog().page(2, cursor)


def test_credentials_are_hidden() -> None:
    shown = dict(
        redact(
            [
                ("Authorization", "Bearer abc"),
                ("Cookie", "a=b"),
                ("Webhook-Signature", "v1,0123456789abcdef v1,fedcba9876543210 junk"),
                ("Webhook-Id", "msg_1"),
            ]
        )
    )
    assert shown == {
        "Authorization": "•••",
        "Cookie": "•••",
        "Webhook-Signature": "v1,01234567… v1,fedcba98… •••",
        "Webhook-Id": "msg_1",
    }


def test_undecodable_headers_and_paths_are_kept_printable() -> None:
    entry = put(RequestLog(), path="/\udcff", headers=[("x-\udcff", "\udcfe")])
    assert (entry.path + entry.headers[0][0] + entry.headers[0][1]).encode()


def test_listeners_hear_of_each_until_they_leave() -> None:
    log, heard = RequestLog(), []
    leave = log.subscribe(heard.append)
    first = put(log)
    leave()
    put(log)
    assert heard == [first]
