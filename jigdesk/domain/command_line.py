"""POSIX shell quoting with columns: `shlex.split` for one line, which says where a word stands.

A `#` begins a comment where a word could begin, as in a shell, so `photo#1.png` is one word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANK = re.compile(r"[ \t\r]*")
_PIECE = re.compile(
    r"""'(?P<single>[^']*+)'
    | "(?P<double>(?:[^"\\]|\\.)*+)"
    | \\(?P<escaped>.)
    | (?P<bare>[^ \t\r'"\\]++)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED_IN_QUOTES = re.compile(r'\\(["\\])')


class Unclosed(ValueError):
    """A quote or a backslash at `column` (from 1) is not finished on its line."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True, slots=True)
class Word:
    """A word without its quotes; `column` counts from 1.

    `is_option` is true when it begins with `--` outside quotes.
    """

    text: str
    column: int
    is_option: bool


def split_line(line: str) -> list[Word]:
    """The words of a line up to its comment; raises Unclosed."""
    words: list[Word] = []
    place = _skip_blanks(line, 0)
    while place < len(line) and line[place] != "#":
        start = place
        pieces: list[str] = []
        while place < len(line) and line[place] not in " \t\r":
            match = _PIECE.match(line, place)
            if match is None:
                what = "backslash" if line[place] == "\\" else "quote"
                raise Unclosed(f"this {what} is not closed", place + 1)
            pieces.append(_unquoted(match))
            place = match.end()
        words.append(Word("".join(pieces), start + 1, line.startswith("--", start)))
        place = _skip_blanks(line, place)
    return words


def _skip_blanks(line: str, place: int) -> int:
    match = _BLANK.match(line, place)
    return place if match is None else match.end()


def _unquoted(match: re.Match[str]) -> str:
    if match["double"] is not None:
        return _ESCAPED_IN_QUOTES.sub(r"\1", match["double"])
    for group in ("single", "escaped", "bare"):
        if match[group] is not None:
            return match[group]
    raise AssertionError("one of the groups always matches")
