from __future__ import annotations

from PIL import Image

from jigdesk.demo.cache import Result, ResultCache


def result(side: int = 1) -> Result:
    return Result(([Image.new("RGB", (side, side))],), None)


def test_keeps_what_the_last_prompt_used() -> None:
    cache = ResultCache(lru=0)
    for name in "ab":
        cache.put(name, result())
    cache.end()
    cache.begin({"b", "c"})
    assert cache.get("a") is None
    assert cache.get("b") is not None


def test_keeps_what_was_used_last() -> None:
    cache = ResultCache(lru=2)
    for name in "abc":
        cache.put(name, result())
    cache.get("a")
    assert len(cache) == 3  # until the prompt ends, which may need them
    cache.end()
    cache.begin(set())
    assert [name for name in "abc" if cache.get(name)] == ["a", "c"]


def test_forgets_the_oldest_above_its_bound_of_pixels() -> None:
    cache = ResultCache(lru=0, max_pixels=250)
    for name in "abc":
        cache.put(name, result(10))
    cache.end()
    assert [name for name in "abc" if cache.get(name)] == ["b", "c"]
