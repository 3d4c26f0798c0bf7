"""Where the time went."""

from __future__ import annotations

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from jigdesk.domain.changes import Attempt, StageState
from jigdesk.domain.job import JobStatus
from tests.ui.jobs import NOW, a_graph, a_job, a_run, after
from ui.inspector.slowest import Slowest, slowest
from ui.inspector.timeline import TimelineBar, spans
from ui.theme.theme import Theme

ATTEMPTS = [Attempt(1, NOW, "")]


def seconds_of(found: object) -> dict[str, float]:
    return {span.name: round(span.seconds, 3) for span in found}  # type: ignore[attr-defined]


def test_a_finished_job_is_split_into_all_its_time() -> None:
    nodes = {
        "1": {"state": "done", "seconds": 4.0},
        "2": {"state": "done", "seconds": 30.0},
    }
    runs = [
        a_run("fine", StageState.STORED, ended_at=after(36), load_s=4.0, run_s=30.0, upload_s=1.0,
              nodes=nodes),
        a_run("big", StageState.STORED, at=after(36), ended_at=after(46), load_s=1.0, run_s=9.0,
              upload_s=0.5),
    ]  # fmt: skip
    job = a_job(JobStatus.COMPLETED, finished_at=after(50), started_at=after(2))
    found = spans(job, ATTEMPTS, runs, a_graph("fine", "big"), after(999))
    assert seconds_of(found) == {
        "queued": 2.0,
        "load": 5.0,
        "fine": 30.0,
        "big": 9.0,
        "upload": 1.5,
        "confirm": 2.5,
    }
    assert sum(span.seconds for span in found) == 50.0
    fine = next(span for span in found if span.name == "fine")
    assert fine.sentence == "fine 30 s\n    Work 30 s\n    Picture 4.0 s"


def test_the_slowest_nodes_are_listed_and_found_in_the_graph(qtbot: QtBot) -> None:
    nodes = {str(n): {"state": "done", "seconds": float(n % 7)} for n in range(1, 9)}
    nodes["9"] = {"state": "cached", "seconds": 0.0}
    runs = [
        a_run("fine", StageState.STORED, nodes=nodes),
        a_run("big", StageState.STORED, nodes={"2": {"state": "done", "seconds": 4.5}}),
    ]
    found = slowest(a_job(JobStatus.COMPLETED), runs, a_graph("fine", "big"))
    assert [(node.title, node.seconds) for node in found] == [
        ("6", 6.0),
        ("5", 5.0),
        ("Work · big", 4.5),
        ("4", 4.0),
        ("Save · fine", 3.0),
    ]
    lines = Slowest()
    qtbot.addWidget(lines)
    lines.show_nodes(found)
    assert lines.lines[2].accessibleName() == "Work · big took 4.5 s"
    with qtbot.waitSignal(lines.chosen) as chosen:
        qtbot.keyClick(lines.lines[2], Qt.Key.Key_Space)
    assert chosen.args == ["big", "2"]
    lines.show_nodes(())
    assert lines.isHidden()


def test_what_runs_grows_with_the_clock() -> None:
    job = a_job(started_at=after(2), stage="fine")
    runs = [a_run("fine", StageState.POSTING)]
    assert seconds_of(spans(job, ATTEMPTS, runs, None, after(5))) == {"queued": 2.0, "fine": 3.0}
    assert seconds_of(spans(job, ATTEMPTS, runs, None, after(9))) == {"queued": 2.0, "fine": 7.0}


def test_only_the_newest_attempt_counts() -> None:
    attempts = [*ATTEMPTS, Attempt(2, after(100), "Trying again.")]
    job = a_job(JobStatus.QUEUED)
    again = type(job)(
        job.job_id, job.bucket, JobStatus.QUEUED, 9, 2, job.created_at, job.updated_at
    )
    runs = [a_run("fine", StageState.STORED, ended_at=after(9), run_s=7.0)]
    assert seconds_of(spans(again, attempts, runs, None, after(103))) == {"queued": 3.0}


def test_the_legend_wraps_and_names_every_span(qtbot: QtBot, theme: Theme) -> None:
    bar = TimelineBar(theme)
    qtbot.addWidget(bar)
    bar.resize(600, bar.height())
    job = a_job(started_at=after(2))
    runs = [a_run(f"a-rather-long-stage-{n}", StageState.POSTING) for n in range(6)]
    bar.show_spans(spans(job, ATTEMPTS, runs, None, after(60)))
    wide = bar.height()
    bar.resize(240, bar.height())
    bar.show()
    qtbot.waitUntil(lambda: bar.height() > wide)
    assert "a-rather-long-stage-5 58 s" in bar.accessibleDescription()
