"""Results of nodes by signature, kept from one prompt to the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

MAX_CACHED_PIXELS = 500_000_000
"""About 1.5 GB of RGB pictures; above it the least recently used results go first."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a node gave: outputs in order, and what it shows; None when it shows nothing."""

    outputs: tuple[Any, ...]
    ui: Mapping[str, Any] | None


class ResultCache:
    """Keeps the results of the last prompt (`lru` 0), or of the `lru` nodes used last."""

    def __init__(self, lru: int, max_pixels: int = MAX_CACHED_PIXELS) -> None:
        self._lru = lru
        self._max_pixels = max_pixels
        self._results: OrderedDict[str, Result] = OrderedDict()

    def __len__(self) -> int:
        return len(self._results)

    def get(self, signature: str) -> Result | None:
        """The result under a signature; None when it is not (any more) here."""
        result = self._results.get(signature)
        if result is not None:
            self._results.move_to_end(signature)
        return result

    def put(self, signature: str, result: Result) -> None:
        """Keep a result at least until the prompt ends."""
        self._results[signature] = result
        self._results.move_to_end(signature)

    def begin(self, wanted: Collection[str]) -> None:
        """A prompt with these signatures begins: forget what it cannot use."""
        if not self._lru:
            for signature in [each for each in self._results if each not in wanted]:
                del self._results[signature]

    def end(self) -> None:
        """The prompt ended: forget down to the bounds."""
        while self._lru and len(self._results) > self._lru:
            self._results.popitem(last=False)
        pixels = sum(_pixels(each) for each in self._results.values())
        while pixels > self._max_pixels:
            _, oldest = self._results.popitem(last=False)
            pixels -= _pixels(oldest)

    def clear(self) -> None:
        """Forget everything."""
        self._results.clear()


def _pixels(result: Result) -> int:
    return sum(
        image.width * image.height
        for output in result.outputs
        if isinstance(output, list)
        for image in output
        if isinstance(image, Image.Image)
    )
