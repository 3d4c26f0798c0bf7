"""Events are made to fit a message of 10 KB, and say so when something was left out."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain import events


def _size(data: object) -> int:
    return len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())


def _files(count: int, url_bytes: int) -> list[dict[str, str]]:
    return [
        {"key": f"outputs/j/s/{i}.png", "kind": "image", "url": "u" * url_bytes}
        for i in range(count)
    ]


def test_a_small_event_is_sent_as_it_is() -> None:
    event = events.Event("j", 7, events.COMPLETED, datetime.now(UTC), {"files": _files(1, 10)})
    assert events.payload(event) == {"job_id": "j", "seq": 7, "files": _files(1, 10)}


def test_urls_go_first() -> None:
    cut = events.fit({"job_id": "j", "seq": 1, "files": _files(20, 900)})
    assert cut["truncated"] is True
    assert len(cut["files"]) == 20
    assert all("url" not in file for file in cut["files"])


def test_then_files_from_the_end() -> None:
    cut = events.fit({"job_id": "j", "seq": 1, "new_files": _files(2_000, 10)})
    assert _size(cut) <= events.MAX_DATA_BYTES
    assert cut["new_files"][0]["key"] == "outputs/j/s/0.png"
    assert 0 < len(cut["new_files"]) < 2_000
    assert cut["job_id"] == "j"


def test_a_long_message_is_shortened() -> None:
    cut = events.fit({"job_id": "j", "seq": 1, "code": "internal", "message": "ä" * 20_000})
    assert _size(cut) <= events.MAX_DATA_BYTES
    assert cut["code"] == "internal"
    assert cut["message"].endswith("…")


@given(st.integers(0, 400), st.integers(0, 3_000), st.text(max_size=30), st.integers(1, 2**53))
def test_whatever_it_is_it_fits(count: int, url_bytes: int, text: str, seq: int) -> None:
    data = {"job_id": "j", "seq": seq, "message": text, "files": _files(count, url_bytes)}
    cut = events.fit(data)
    assert _size(cut) <= events.MAX_DATA_BYTES
    assert ("truncated" in cut) == (_size(data) > events.MAX_DATA_BYTES)
