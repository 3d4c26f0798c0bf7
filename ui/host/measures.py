"""What the plots show, from the samples of the machine. Without Qt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jigdesk.domain.resources import GpuSample, ResourceSample
from ui.words import counted, duration, short_id

SPAN_S = 900.0
"""Fifteen minutes."""
MAX_BANDS = 200
GAP_S = 5.0
"""Samples further apart than this are not joined by a line: the machine slept."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One plot: points of (seconds ago as a negative number, value); `top` is the axis' end.

    `words` is the newest value for people. A point with None breaks the line. Values are shares
    of 1, of `whole_bytes` where that is given, or `counts` of jobs.
    """

    name: str
    words: str
    points: tuple[tuple[float, float | None], ...]
    top: float
    whole_bytes: int | None = None
    counts: bool = False

    def say(self, value: float) -> str:
        """A value for people."""
        if self.counts:
            return counted(round(value), "job")
        if self.whole_bytes is not None:
            return f"{value * self.whole_bytes / 2**30:.1f} GB"
        return f"{value:.0%}"

    def at(self, ago_s: float) -> float | None:
        """The value that was measured nearest to a moment; None when none was around then."""
        known = [(abs(x - ago_s), y) for x, y in self.points if y is not None]
        if not known:
            return None
        distance, value = min(known)
        return value if self.counts or distance <= GAP_S else None


@dataclass(frozen=True, slots=True)
class Band:
    """When a job ran, in seconds ago as negative numbers."""

    job_id: str
    begin_s: float
    end_s: float


def told_at(measure: Measure, marks: Sequence[Band], ago_s: float) -> str:
    """`3:12 ago · 45% · 7d1f…e2 ran`: the value at a moment, and the jobs that ran then."""
    value = measure.at(ago_s)
    jobs = [band.job_id for band in marks if band.begin_s <= ago_s <= band.end_s]
    ran = f"{short_id(jobs[0])} ran" if len(jobs) == 1 else f"{len(jobs)} jobs ran" if jobs else ""
    words = "not measured" if value is None else measure.say(value)
    return " · ".join(part for part in (f"{duration(-ago_s)} ago", words, ran) if part)


def measures(
    samples: Sequence[ResourceSample],
    queue: Sequence[tuple[datetime, int]],
    now: datetime,
) -> tuple[Measure, ...]:
    """The plots in their order; those of the GPU only where one is known."""
    shown = [sample for sample in samples if (now - sample.at).total_seconds() <= SPAN_S]
    found: list[Measure] = []
    if shown and shown[-1].gpus:
        found += _gpu(shown, now)
    if shown:
        last = shown[-1]
        cpu = _line([(sample.at, sample.cpu) for sample in shown], now)
        found.append(Measure("CPU", f"{last.cpu:.0%}", cpu, 1.0))
        ram = [(s.at, _share(s.memory_used_bytes, s.memory_total_bytes)) for s in shown]
        found.append(
            Measure(
                "RAM",
                _of(last.memory_used_bytes, last.memory_total_bytes),
                _line(ram, now),
                1.0,
                last.memory_total_bytes,
            )
        )
    if queue:
        depth = [(at, float(number)) for at, number in queue]
        points = _line(depth, now, gap_s=SPAN_S)
        top = max([value for _, value in points if value is not None], default=0.0)
        number = queue[-1][1]
        words = f"{number} job{'' if number == 1 else 's'} waiting or running"
        found.append(Measure("Queue", words, points, max(4.0, top), counts=True))
    return tuple(found)


def bands(samples: Sequence[ResourceSample], now: datetime) -> tuple[Band, ...]:
    """When each job ran, newest last; the oldest go where there are too many."""
    open_: dict[str, tuple[datetime, datetime]] = {}
    done: list[Band] = []

    def close(job_id: str) -> None:
        begin, end = open_.pop(job_id)
        done.append(Band(job_id, -(now - begin).total_seconds(), -(now - end).total_seconds()))

    for sample in samples:
        if (now - sample.at).total_seconds() > SPAN_S:
            continue
        for job_id in [job for job in open_ if job not in sample.job_ids]:
            close(job_id)
        for job_id in sample.job_ids:
            begin = open_.get(job_id, (sample.at, sample.at))[0]
            open_[job_id] = begin, sample.at + timedelta(seconds=1)
    for job_id in tuple(open_):
        close(job_id)
    return tuple(sorted(done, key=lambda band: band.begin_s)[-MAX_BANDS:])


def _gpu(samples: Sequence[ResourceSample], now: datetime) -> list[Measure]:
    """The first GPU: it is the one that the engine uses unless it is told otherwise."""
    last = samples[-1].gpus[0]
    busy = [(s.at, s.gpus[0].busy if s.gpus else None) for s in samples]
    memory = [(s.at, _memory(s.gpus[0]) if s.gpus else None) for s in samples]
    found = []
    if last.busy is not None:
        words = f"{last.busy:.0%}"
        if last.temperature_c is not None:
            words += f" · {last.temperature_c:.0f} °C"
        if last.power_w is not None:
            words += f" · {last.power_w:.0f} W"
        found.append(Measure("GPU", words, _line(busy, now), 1.0))
    if last.memory_used_bytes is not None and last.memory_total_bytes:
        words = _of(last.memory_used_bytes, last.memory_total_bytes)
        found.append(Measure("VRAM", words, _line(memory, now), 1.0, last.memory_total_bytes))
    return found


def _memory(gpu: GpuSample) -> float | None:
    if gpu.memory_used_bytes is None or not gpu.memory_total_bytes:
        return None
    return _share(gpu.memory_used_bytes, gpu.memory_total_bytes)


def _line(
    values: Sequence[tuple[datetime, float | None]], now: datetime, gap_s: float = GAP_S
) -> tuple[tuple[float, float | None], ...]:
    points: list[tuple[float, float | None]] = []
    for at, value in values:
        ago_s = -(now - at).total_seconds()
        if ago_s < -SPAN_S:
            continue
        if points and ago_s - points[-1][0] > gap_s:
            points.append((ago_s, None))
        points.append((ago_s, value))
    return tuple(points)


def _share(used: float, total: float) -> float:
    return min(1.0, used / total) if total else 0.0


def _of(used: int, total: int) -> str:
    return f"{used / 2**30:.1f} of {total / 2**30:.1f} GB"
