"""Server-Sent Events, taken apart whatever the chunks are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.commands.sse import MAX_PENDING_BYTES, SseEvent, SseReader

STREAM = (
    b": hello\n\n"
    b'event: job:accepted\nid: 1\ndata: {"a":\ndata: 1}\n\n'
    b"retry: 10\r\nevent:job_done\r\nid: 2\r\ndata:\xc3\xa9\r\n\r\n"
    b"event: without data\n\n"
    b"data: cut off"
)
EVENTS = [SseEvent("job:accepted", '{"a":\n1}', "1"), SseEvent("job_done", "é", "2")]


def read(chunks: list[bytes]) -> list[SseEvent]:
    reader = SseReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


def test_a_whole_stream() -> None:
    assert read([STREAM]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=12))
def test_the_cuts_between_chunks_make_no_difference(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert read([STREAM[a:b] for a, b in pairwise(edges)]) == EVENTS


def test_an_event_without_a_name_is_a_message() -> None:
    assert read([b"data: x\n\n"]) == [SseEvent("message", "x", None)]


def test_a_line_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="no end"):
        read([b"data: " + b"x" * MAX_PENDING_BYTES])
