from __future__ import annotations

import pytest

from jigdesk.adapters.http.byterange import parse_range
from jigdesk.domain.errors import RequestError


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=2-4", (2, 5)),
        ("bytes=2-", (2, 10)),
        ("bytes=2-99", (2, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("Bytes=9-9", (9, 10)),
    ],
)
def test_a_range_is_cut_to_the_object(header: str, expected: tuple[int, int]) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=4-2",
        "bytes=0-1,3-4",
        "lines=0-1",
        "bytes=a-b",
    ],
)
def test_what_may_be_ignored_is_ignored(header: str | None) -> None:
    assert parse_range(header, 10) is None


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_is_refused(header: str) -> None:
    with pytest.raises(RequestError) as caught:
        parse_range(header, 10)
    assert caught.value.status == 416


def test_an_empty_object_has_no_ranges() -> None:
    with pytest.raises(RequestError):
        parse_range("bytes=0-", 0)
