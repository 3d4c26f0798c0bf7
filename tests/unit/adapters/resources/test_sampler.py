"""The sampler on this very machine."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from jigdesk.adapters.resources.sampler import ResourceSampler
from jigdesk.domain.resources import GpuSample, ResourceSample
from tests.harness.waiting import PATIENCE_S

GPU = GpuSample("A card", memory_used_bytes=1, memory_total_bytes=2)


async def until(samples: list[ResourceSample], count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while len(samples) < count:  # noqa: ASYNC110 - a thread's work
            await asyncio.sleep(0.005)


async def test_it_tells_each_sample_with_the_jobs_of_that_moment(tmp_path: Path) -> None:
    jobs: list[str] = []
    sampler = ResourceSampler(tmp_path, lambda: jobs, every_s=0.01)
    heard: list[ResourceSample] = []
    threads: set[int] = set()
    unsubscribe = sampler.subscribe(heard.append)
    sampler.subscribe(lambda _: threads.add(threading.get_ident()))
    assert sampler.latest is None
    async with sampler.running():
        await until(heard, 3)
        jobs.append("a-job")
        if not sampler.reads_gpus:
            sampler.tell_gpus([GPU])
        await until(heard, len(heard) + 2)
    newest = heard[-1]
    assert sampler.latest == newest
    assert heard[0].job_ids == ()
    assert newest.job_ids == ("a-job",)
    assert newest.gpus
    assert 0 <= newest.cpu <= 1
    assert 0 < newest.memory_used_bytes < newest.memory_total_bytes
    assert 0 < newest.disk_free_bytes <= newest.disk_total_bytes
    assert newest.network_sent_bytes_per_s >= 0
    assert threads == {threading.get_ident()}
    assert [one.at for one in heard] == sorted(one.at for one in heard)
    unsubscribe()
    json.dumps(newest.to_dict())


async def test_a_system_that_does_not_tell_of_its_disks_is_sampled_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untold() -> None:  # as psutil does in a sandbox such as gVisor
        raise NotImplementedError("not supported: neither /proc/diskstats nor /sys/block")

    monkeypatch.setattr(psutil, "disk_io_counters", untold)
    sampler = ResourceSampler(tmp_path, tuple, every_s=0.01)
    heard: list[ResourceSample] = []
    sampler.subscribe(heard.append)
    async with sampler.running():
        await until(heard, 2)
    assert heard[-1].memory_used_bytes > 0
    assert heard[-1].disk_read_bytes_per_s == 0


async def test_its_history_is_bounded(tmp_path: Path) -> None:
    sampler = ResourceSampler(tmp_path, tuple, every_s=0.01, kept_s=0.05)
    heard: list[ResourceSample] = []
    sampler.subscribe(heard.append)
    async with sampler.running():
        await until(heard, 12)
    assert sampler.history() == tuple(heard[-5:])


async def test_a_window_of_it_can_be_had(tmp_path: Path) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    times = iter(range(10_000))
    end = now + timedelta(seconds=10_000)

    def clock() -> datetime:
        return now + timedelta(seconds=next(times))

    sampler = ResourceSampler(tmp_path, tuple, every_s=0.01, clock=clock)
    heard: list[ResourceSample] = []
    sampler.subscribe(heard.append)
    async with sampler.running():
        await until(heard, 10)
    assert len(sampler.history(5)) == 5
    assert sampler.history(0) == ()
    assert len(sampler.history(1e9)) == len(heard)
    assert heard[-1].at < end
