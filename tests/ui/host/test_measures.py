"""What the plots show."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from jigdesk.domain.resources import GpuSample, ResourceSample
from tests.ui.jobs import NOW
from ui.host.measures import SPAN_S, bands, measures, told_at

GB = 2**30
GPU = GpuSample("RTX 4090", 0.71, 12 * GB, 24 * GB, 64.0, 300.0)
LAST = ResourceSample(NOW, 0.25, 8 * GB, 32 * GB, 38 * GB, 100 * GB, 0.0, 0.0, 0.0, 0.0, (GPU,))


def at(ago_s: float, **changes: object) -> ResourceSample:
    return replace(LAST, at=NOW - timedelta(seconds=ago_s), **changes)  # type: ignore[arg-type]


def test_a_machine_with_a_gpu_has_five_plots() -> None:
    samples = [at(2), at(1), at(0)]
    found = measures(samples, [(NOW, 3)], NOW)
    assert [(measure.name, measure.words) for measure in found] == [
        ("GPU", "71% · 64 °C · 300 W"),
        ("VRAM", "12.0 of 24.0 GB"),
        ("CPU", "25%"),
        ("RAM", "8.0 of 32.0 GB"),
        ("Queue", "3 jobs waiting or running"),
    ]
    assert found[1].points == ((-2.0, 0.5), (-1.0, 0.5), (0.0, 0.5))


def test_what_is_not_known_is_not_drawn() -> None:
    quiet = GpuSample("A GPU", None, None, None)
    assert [m.name for m in measures([at(0, gpus=(quiet,))], [], NOW)] == ["CPU", "RAM"]
    assert [m.name for m in measures([at(0, gpus=())], [], NOW)] == ["CPU", "RAM"]
    assert measures([], [], NOW) == ()


def test_a_sleep_breaks_the_line() -> None:
    cpu = next(m for m in measures([at(100), at(99), at(1)], [], NOW) if m.name == "CPU")
    assert [value for _, value in cpu.points] == [0.25, 0.25, None, 0.25]


def test_what_is_older_than_the_span_goes() -> None:
    found = measures([at(SPAN_S + 1), at(0)], [(NOW - timedelta(hours=1), 9), (NOW, 1)], NOW)
    assert all(len(measure.points) == 1 for measure in found)


def test_each_job_is_a_band_from_its_first_to_its_last_sample() -> None:
    samples = [
        at(6),
        at(5, job_ids=("a",)),
        at(4, job_ids=("a", "b")),
        at(3, job_ids=("b",)),
        at(2),
        at(1, job_ids=("c",)),
    ]
    assert [(band.job_id, band.begin_s, band.end_s) for band in bands(samples, NOW)] == [
        ("a", -5.0, -3.0),
        ("b", -4.0, -2.0),
        ("c", -1.0, 0.0),
    ]


def test_a_moment_tells_its_value_and_the_jobs_that_ran_then() -> None:
    samples = [at(200, cpu=0.5), at(100, cpu=0.75, job_ids=("7d1f0c3e-0000",)), at(0)]
    found = {measure.name: measure for measure in measures(samples, [(NOW, 1)], NOW)}
    marks = bands(samples, NOW)
    assert told_at(found["CPU"], marks, -200.4) == "3:20 ago · 50%"
    assert told_at(found["CPU"], marks, -99.6) == "1:39 ago · 75% · 7d1f…00 ran"
    assert told_at(found["CPU"], marks, -150.0) == "2:30 ago · not measured"
    assert told_at(found["VRAM"], marks, 0.0) == "0:00 ago · 12.0 GB"
    assert told_at(found["Queue"], marks, -1.0) == "0:01 ago · 1 job"
    assert found["VRAM"].say(found["VRAM"].top) == "24.0 GB"
