"""JSON from strangers is bounded, unambiguous and refused with a place."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.strict_json import JsonRefused, decode
from tests.harness.cost import assert_linear

MIB = 1024 * 1024


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=20,
    )
)
def test_reads_what_json_writes(value: object) -> None:
    assert decode(json.dumps(value).encode(), max_bytes=MIB) == value


@given(st.binary(max_size=300))
def test_no_bytes_crash_it(body: bytes) -> None:
    with contextlib.suppress(JsonRefused):
        decode(body, max_bytes=MIB)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b'{"a": 1', "line 1, column 8"),
        (b'{\n  "a": tru\n}', "line 2, column 8"),
        (b'"abc', "not JSON"),
        (b"\xff{}", "byte 1 is not UTF-8"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b"[-Infinity]", "-Infinity"),
        (b"[1e999]", "too large"),
        (b"[" + b"9" * 5000 + b"]", "5000 digits"),
        (b"[" * 33 + b"]" * 33, "deeper than 32 levels (line 1, column 33)"),
        (b"x" * (MIB + 1), "1048577 bytes"),
    ],
)
def test_refuses(body: bytes, words: str) -> None:
    with pytest.raises(JsonRefused) as caught:
        decode(body, max_bytes=MIB)
    assert words in str(caught.value)


def test_brackets_in_strings_are_no_depth() -> None:
    assert decode(json.dumps(["[" * 500 + '"\\']).encode(), max_bytes=MIB) == ["[" * 500 + '"\\']


def test_skips_a_byte_order_mark() -> None:
    assert decode(b"\xef\xbb\xbf{}", max_bytes=MIB) == {}


@pytest.mark.parametrize(("head", "part"), [(b'"', b'\\"'), (b"", b"["), (b"", b'{"":')])
def test_hostile_bodies_cost_little(head: bytes, part: bytes) -> None:
    def refused(size: int) -> None:
        with pytest.raises(JsonRefused):
            decode(head + part * (size // len(part)), max_bytes=MIB)

    assert_linear(refused, MIB // 4 - 2)
