from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.adapters.process.lines import (
    MAX_LINE_CHARS,
    MAX_LINES,
    Line,
    LineRing,
    LineSplitter,
)


def lines_of(*chunks: bytes) -> list[tuple[str, bool]]:
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return [(line.text, line.transient) for line in [*lines, *splitter.end()]]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ((b"one\ntwo\n",), [("one", False), ("two", False)]),
        ((b"one\r\ntwo",), [("one", False), ("two", False)]),
        ((b"one\r", b"\ntwo\n"), [("one", False), ("two", False)]),
        ((b"\r 1%\r 2%\r 3%\n",), [(" 1%", True), (" 2%", True), (" 3%", False)]),
        ((b"one\rtwo",), [("one", True), ("two", False)]),
        ((b"\n\n\r\r\n",), []),
        (("gr\u00fc".encode()[:3], "gr\u00fc".encode()[3:] + b"n\n"), [("gr\u00fcn", False)]),
        ((b"\xff\xfe\n",), [("\ufffd\ufffd", False)]),
        ((b"x" * 5000 + b"\nafter\n",), [("x" * MAX_LINE_CHARS, False), ("after", False)]),
        (
            (b"x" * 1500, b"x" * 1500, b"x\nafter"),
            [("x" * MAX_LINE_CHARS, False), ("after", False)],
        ),
        ((b"x" * 5000 + b"\r", b"\nafter"), [("x" * MAX_LINE_CHARS, False), ("after", False)]),
    ],
)
def test_splits_on_every_kind_of_end(
    chunks: tuple[bytes, ...], expected: list[tuple[str, bool]]
) -> None:
    assert lines_of(*chunks) == expected


@given(
    st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\r\n", b"d e"]), max_size=30), st.data()
)
def test_how_the_bytes_are_cut_makes_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    chunks = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert lines_of(*chunks) == lines_of(whole)


def test_a_transient_line_gives_way_to_the_next() -> None:
    ring = LineRing()
    ring.add([Line("start", False), Line("10%", True), Line("20%", True)])
    assert ring.last(10) == ("start", "20%")
    ring.add([Line("done", False), Line("end", False)])
    assert ring.last(10) == ("start", "done", "end")
    assert ring.last(1) == ("end",)


def test_keeps_only_the_newest() -> None:
    ring = LineRing()
    ring.add([Line(str(number), False) for number in range(MAX_LINES + 3)])
    kept = ring.last(MAX_LINES * 2)
    assert len(kept) == MAX_LINES
    assert (kept[0], kept[-1]) == ("3", str(MAX_LINES + 2))
