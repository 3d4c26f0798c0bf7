"""Names of files on their way, used again and again.

`pathlib` has Python keep each part of a path in one table for the whole process: in 3.12 it stays
there for good, and in other versions the table grows and is made anew, 4 MB at a time. A desk that
writes fifty objects a second would fill it with names that nobody needs a second time.
"""

from __future__ import annotations

import uuid
from collections import deque


class Names:
    """As many names as files are on their way at once; none of another process. Thread-safe."""

    def __init__(self) -> None:
        self._free: deque[str] = deque()

    def take(self) -> str:
        """A name that no other file has until it is given back."""
        try:
            return self._free.pop()
        except IndexError:
            return f"{uuid.uuid4().hex}.part"

    def give_back(self, name: str) -> None:
        """No file has it any more."""
        self._free.append(name)


NAMES = Names()
