"""A job's part of the engine's log: from the files what the window did not hear, the rest live."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from pytestqt.qtbot import QtBot

from jigdesk.domain.clock import to_rfc3339, utc_now
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from tests.ui.inspector.test_inspector import inspector_of, look_at
from tests.ui.jobs import NOW, a_job, after, chain, send
from ui import opening
from ui.host.console import BLOCKS
from ui.host.log_feed import LogFeed, LogLine
from ui.inspector.job_log import ALL, CUT, NOTHING, READING, JobLog
from ui.inspector.panel import LOG
from ui.theme.theme import Theme


def an_older_log(desk: OpenDesk, *lines: tuple[float, str]) -> None:
    """What an engine printed so many seconds after `NOW`, before this desk was started."""
    path = desk.core.settings.paths.engine_log
    older = path.with_name("engine.log.1")
    older.write_text("".join(f"{to_rfc3339(after(at))} {text}\n" for at, text in lines))


def shown_by(log: JobLog) -> list[str]:
    return log.console.text.toPlainText().splitlines()


@pytest.fixture
def log(desk: OpenDesk, qtbot: QtBot, theme: Theme) -> JobLog:
    """One that is not looked at yet, beside a feed that listens since the window was opened."""
    feed = LogFeed(desk.bridge)
    feed.open()
    found = JobLog(desk.bridge, theme, feed)
    qtbot.addWidget(found)
    qtbot.waitUntil(lambda: feed.since is not None)
    return found


def test_a_job_from_before_the_window_has_its_lines_once_they_are_looked_at(
    desk: OpenDesk, log: JobLog, qtbot: QtBot
) -> None:
    an_older_log(desk, (0, "before"), (10, "got prompt"), (11, "done"), (30, "after"))
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(10), finished_at=after(12)))
    assert shown_by(log) == []
    assert log.words.text() == READING
    log.show()
    qtbot.waitUntil(lambda: shown_by(log) == ["got prompt", "done"])
    assert log.words.text() == ALL
    assert log.whole.isHidden()
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(29), finished_at=after(30)))
    qtbot.waitUntil(lambda: shown_by(log) == ["after"])
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(20), finished_at=after(21)))
    qtbot.waitUntil(lambda: log.words.text() == NOTHING)


def test_a_job_that_the_log_does_not_reach_back_to_says_so(
    desk: OpenDesk, log: JobLog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def record(url: QUrl) -> bool:
        opened.append(Path(url.toLocalFile()))
        return True

    monkeypatch.setattr(opening, "opener", record)
    an_older_log(desk, (100, "much later"))
    inspector = inspector_of(desk)
    desk.window.show_inspector()
    qtbot.waitUntil(inspector.isVisible)
    log.opened.connect(inspector.commands.open_path)
    log.show()
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(10), finished_at=after(12)))
    qtbot.waitUntil(lambda: "is gone" in log.words.text())
    log.whole.click()
    assert opened == [desk.core.settings.paths.engine_log]
    log.show_job(a_job())
    assert "has not run yet" in log.words.text()
    assert log.whole.isHidden()


def test_too_many_lines_are_cut_and_the_whole_is_offered(
    desk: OpenDesk, log: JobLog, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jigdesk.app.engine_log.MOST_LINES", 2)
    an_older_log(desk, (0, "before"), *((10 + n / 10, f"line {n}") for n in range(5)))
    log.show()
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(10), finished_at=after(12)))
    qtbot.waitUntil(lambda: shown_by(log) == ["line 3", "line 4"])
    assert log.words.text() == CUT
    assert log.whole.isVisible()


def test_more_lines_than_are_shown_offer_the_whole_while_they_come(
    log: JobLog, qtbot: QtBot
) -> None:
    begun = utc_now() + timedelta(seconds=1)
    log.show()
    log.show_job(a_job(JobStatus.RUNNING, started_at=begun))
    log._feed.arrived.emit([LogLine(begun, f"line {n}") for n in range(BLOCKS - 1)])
    assert log.words.text() == ALL
    log._feed.arrived.emit([LogLine(begun, "more"), LogLine(begun, "and more")])
    assert log.words.text() == CUT
    assert log.whole.isVisible()


def test_a_job_that_ran_on_while_the_window_was_opened_has_no_line_twice(
    desk: OpenDesk, log: JobLog, qtbot: QtBot, tmp_path: Path
) -> None:
    """The files have what was printed before the window listened, and all that came since."""
    job_id = send(desk, chain(steps=1), tmp_path)
    look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    an_older_log(desk, (0, "from before"))
    log.show()
    log.show_job(a_job(started_at=NOW, status=JobStatus.RUNNING))
    qtbot.waitUntil(lambda: bool(shown_by(log)) and shown_by(log)[0] == "from before")
    lines = shown_by(log)
    assert len([line for line in lines if "got prompt" in line]) == 2  # one a stage
    assert log.words.text() == ALL


def test_a_log_that_cannot_be_read_says_why(desk: OpenDesk, log: JobLog, qtbot: QtBot) -> None:
    path = desk.core.settings.paths.engine_log
    path.with_name("engine.log.1").mkdir()
    log.show()
    log.show_job(a_job(JobStatus.COMPLETED, started_at=after(10), finished_at=after(12)))
    qtbot.waitUntil(lambda: "cannot be read" in log.words.text())
    log.show_job(a_job(JobStatus.RUNNING, started_at=after(20)))
    qtbot.waitUntil(lambda: "cannot be read" in log.words.text())
    log._feed.arrived.emit([LogLine(utc_now(), "live")])  # it goes on, and what failed is said
    assert shown_by(log) == ["live"]
    assert "cannot be read" in log.words.text()


def test_the_inspector_reads_them_when_its_tab_is_chosen(desk: OpenDesk, qtbot: QtBot) -> None:
    long_ago = utc_now() - timedelta(days=2)
    older = desk.core.settings.paths.engine_log.with_name("engine.log.1")
    older.write_text(f"{to_rfc3339(long_ago)} from two days ago\n")
    inspector = inspector_of(desk)
    desk.window.show_inspector()
    job = a_job(JobStatus.COMPLETED, started_at=long_ago, finished_at=long_ago)
    inspector._stack.setCurrentIndex(1)
    inspector.log.show_job(job)
    assert shown_by(inspector.log) == []
    inspector.tabs.setCurrentIndex(LOG)
    qtbot.waitUntil(lambda: shown_by(inspector.log) == ["from two days ago"])
