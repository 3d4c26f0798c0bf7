"""The memory that was used before an end."""

from __future__ import annotations

from datetime import UTC, datetime

from jigdesk.domain.resources import GpuSample, MemoryUse, ResourceSample, most_used

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def sample(used: int, *gpus: GpuSample) -> ResourceSample:
    return ResourceSample(NOW, 0.0, used, 100, 1, 1, 0.0, 0.0, 0.0, 0.0, gpus=gpus)


def test_the_most_of_each_counts() -> None:
    first = GpuSample("a", memory_used_bytes=5, memory_total_bytes=10)
    later = GpuSample("a", memory_used_bytes=2, memory_total_bytes=10)
    silent = GpuSample("b")
    found = most_used([sample(40, first, silent), sample(70, later, silent), sample(10)])
    assert found == MemoryUse(70, 100, ((5, 10),))
    assert most_used([]) is None


def test_several_gpus_are_told_apart() -> None:
    use = MemoryUse(2**30, 2**31, ((2**30, 2**32), (0, 2**32)))
    assert str(use) == (
        "1.0 of 2.0 GiB of RAM and 1.0 of 4.0 GiB of GPU 0's VRAM "
        "and 0.0 of 4.0 GiB of GPU 1's VRAM in use"
    )
