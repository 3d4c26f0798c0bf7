"""Server-Sent Events, as a reader sees them: bytes in, events out, no I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_PENDING_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event; `id` is the last that the stream gave, None before the first."""

    name: str
    data: str
    id: str | None


class SseReader:
    """Takes a stream apart as the HTML standard's section 9.2.6 says."""

    def __init__(self) -> None:
        self._pending = b""
        self._data: list[str] = []
        self._name = ""
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """Yield the events that `chunk` completes.

        Raises ValueError for a line of over `MAX_PENDING_BYTES`.
        """
        self._pending += chunk
        # a CR may be the first half of a CRLF that is still on its way
        whole = self._pending[:-1] if self._pending.endswith(b"\r") else self._pending
        lines = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._pending = lines.pop() + self._pending[len(whole) :]
        if len(self._pending) > MAX_PENDING_BYTES:
            raise ValueError("a line of the event stream has no end")
        for line in lines:
            event = self._line(line.decode("utf-8", "replace"))
            if event is not None:
                yield event

    def _line(self, line: str) -> SseEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._name = value
        elif name == "id" and "\0" not in value:
            self._id = value
        return None  # comments, `retry` and unknown fields say nothing here

    def _dispatch(self) -> SseEvent | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return SseEvent(name or "message", "\n".join(data), self._id) if data else None
