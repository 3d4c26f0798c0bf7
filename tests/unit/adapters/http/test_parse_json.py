"""JSON from strangers: strict, and never an unexpected exception."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.adapters.http.body import parse_json

BAD = {
    "empty": b"",
    "not utf-8": b'{"a": "\xff"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "half an object": b'{"a": ',
    "two documents": b"{} {}",
    "a name twice": b'{"a": 1, "b": {"c": 1, "c": 2}}',
    "nan": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "infinite by overflow": b'{"a": 1e999}',
    "too many digits": b'{"a": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"a": "\\ud800"}',
    "half a pair as a name": b'{"\\udc00": 1}',
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "a nul": b'{"a": "\x00"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_json(body)
    assert len(str(refused.value)) < 200


def test_a_whole_pair_is_one_character() -> None:
    assert parse_json(b'{"a": "\\ud83d\\ude00"}') == {"a": "\U0001f600"}


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
        ),
    )
)
def test_sound_documents_come_through(data: object) -> None:
    assert parse_json(json.dumps(data, ensure_ascii=False).encode()) == data
