"""Turns what a child prints into lines, whatever it prints, in bounded memory."""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

MAX_LINES = 5_000
MAX_LINE_CHARS = 2_000

_ENDS = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of output; a `transient` one ended in `\\r`, to be overwritten by the next."""

    text: str
    transient: bool


class LineSplitter:
    """Feeds on chunks of bytes; keeps at most one unfinished line of MAX_LINE_CHARS.

    ComfyUI writes progress bars with `\\r` and no newline, so both end a line. What is longer
    is cut off.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes) -> list[Line]:
        """The lines that this chunk finished; empty ones are left out."""
        return self._split(self._rest + self._decoder.decode(chunk))

    def end(self) -> list[Line]:
        """The last line, which may have no end."""
        lines = self._split(self._rest + self._decoder.decode(b"", final=True) + "\n")
        self._rest = ""
        return lines

    def _split(self, text: str) -> list[Line]:
        lines = []
        begin = 0
        for match in _ENDS.finditer(text):
            end = match.group()
            if end == "\r" and match.end() == len(text):
                break  # it may be half of a \r\n
            if match.start() > begin:
                line = text[begin : min(match.start(), begin + MAX_LINE_CHARS)]
                lines.append(Line(line, transient=end == "\r"))
            begin = match.end()
        rest = text[begin:]
        if len(rest) > MAX_LINE_CHARS:
            end = "\r" if rest.endswith("\r") else ""
            rest = rest.removesuffix("\r")[:MAX_LINE_CHARS] + end
        self._rest = rest
        return lines


class LineRing:
    """The last MAX_LINES lines, as a terminal would show them.

    A transient line is replaced by the next line, so that a progress bar takes one place.
    """

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=MAX_LINES)

    def add(self, lines: Sequence[Line]) -> None:
        """Append lines, oldest first."""
        for line in lines:
            if self._lines and self._lines[-1].transient:
                self._lines.pop()
            self._lines.append(line)

    def last(self, count: int) -> tuple[str, ...]:
        """The newest lines, oldest of them first."""
        begin = max(0, len(self._lines) - count)
        return tuple(self._lines[index].text for index in range(begin, len(self._lines)))
