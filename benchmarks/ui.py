"""How long the window's thread works on 100,000 jobs, and how it stalls while 50 of them run.

`python -m benchmarks.ui [--jobs N] [--seconds S]`. Work is what one turn of Qt's loop took in the
main thread; waiting for the journal, which runs elsewhere, is told apart.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEvent, QEventLoop, QSize, QTimer

from jigdesk.app import Core
from jigdesk.domain.changes import Change, JobQuery
from jigdesk.domain.events import PROGRESS, EventDraft
from jigdesk.domain.job import Job, JobStatus
from jigdesk.resources import assets_dir
from jigdesk.services import housekeeping
from jigdesk.settings import load_settings
from tests.harness.many_jobs import fill
from ui.bridge import Bridge
from ui.collecting import collecting_here
from ui.core_thread import CoreThread
from ui.frame.window import MainWindow
from ui.main import application
from ui.memory import Memory
from ui.pages import build_pages
from ui.queue.columns import COLUMNS, Column
from ui.queue.page import QueuePage
from ui.theme.theme import Theme

BUDGET_S = 0.3
FOLLOWED = 50
EVENTS_A_SECOND = 20
PROBE_MS = 2


@dataclass(frozen=True)
class Row:
    """One measured action."""

    what: str
    work_s: float
    longest_s: float
    shown_s: float


class Probe:
    """Times each turn of Qt's loop while an action is waited for."""

    def __init__(self) -> None:
        self.app = application()

    def run(self, what: str, action: Callable[[], None], is_done: Callable[[], bool]) -> Row:
        """Do it, and let Qt work until it is done."""
        begin = time.perf_counter()
        work, longest = self._timed(action)
        while not is_done():
            took, _ = self._timed(self.app.processEvents)
            work, longest = work + (took if took > 0.0005 else 0.0), max(longest, took)
            time.sleep(0.001)
            if time.perf_counter() - begin > 60:
                raise SystemExit(f"{what}: not done after a minute")
        took, _ = self._timed(self.app.processEvents)
        return Row(what, work + took, max(longest, took), time.perf_counter() - begin)

    def _timed(self, action: Callable[[], Any]) -> tuple[float, float]:
        begin = time.perf_counter()
        action()
        took = time.perf_counter() - begin
        return took, took


class Stalls:
    """How late a timer of the window's thread comes: what a click would wait."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._due = 0.0
        self._timer = QTimer()
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin to look."""
        self._due = time.perf_counter() + PROBE_MS / 1000
        self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.late_ms.append(max(0.0, (now - self._due) * 1000))
        self._due = now + PROBE_MS / 1000


def main() -> int:
    """Measure and print; 1 when a budget was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=6.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jigdesk-bench-") as home:
        state = Path(home) / "state"
        state.mkdir()
        began = time.perf_counter()
        fill(state / "journal.db", chosen.jobs, final_only=True, now=datetime.now(UTC))
        print(f"{chosen.jobs:,} jobs written in {time.perf_counter() - began:.1f} s")
        settings = load_settings(
            {"JIGDESK_HOME": home},
            {
                "server": {"public_port": 0, "local_port": 0},
                "comfyui": {"kind": "demo", "port": 0},
            },
        )
        # the window is measured with more jobs than a desk keeps
        housekeeping.Retention = partial(housekeeping.Retention, journal_jobs=10 * chosen.jobs)
        thread = CoreThread(settings)
        thread.start()
        core = thread.started.result(60)
        try:
            with collecting_here():
                return _measure(core, thread, chosen.jobs, chosen.seconds)
        finally:
            thread.stop()
            thread.join()


def _measure(core: Core, thread: CoreThread, count: int, seconds: float) -> int:
    probe = Probe()
    theme = Theme(probe.app, assets_dir())
    bridge = Bridge(thread)
    made: list[MainWindow] = []

    def build() -> None:
        window = MainWindow(core, bridge, theme, Memory(core.settings.paths.state_dir))
        build_pages(window, core)
        window.resize(QSize(1480, 900))
        window.show()
        bridge.open()
        made.append(window)

    def page() -> QueuePage:
        found = made[0].findChild(QueuePage)
        assert isinstance(found, QueuePage)
        return found

    rows = [probe.run("open", build, lambda: page().model.is_read)]
    assert page().model.rowCount() == count
    settle(probe, 1.0)
    for column, spec in COLUMNS.items():

        def sort(c: Column = column) -> None:
            page()._sort(c, descending=True)

        rows.append(probe.run(f"sort by {spec.title}", sort, lambda: page().model.is_read))
    for name in ("Failed", "Completed", "Today", "All"):

        def choose(n: str = name) -> None:
            page().chips.choose(n)

        rows.append(probe.run(f"filter {name}", choose, lambda: page().model.is_read))
    rows.append(probe.run("search", lambda: search(page(), "0042"), lambda: page().model.is_read))
    rows.append(
        probe.run("search nothing", lambda: search(page(), ""), lambda: page().model.is_read)
    )
    middle = page().model.rowCount() // 2
    rows.append(
        probe.run(
            "jump to the middle",
            lambda: page().table.verticalScrollBar().setValue(middle * 46),
            lambda: page().model.job(middle) is not None,
        )
    )
    page().table.verticalScrollBar().setValue(0)
    page()._sort(Column.CREATED, descending=True)
    settle(probe, 1.0)
    quiet = stalls_while(seconds / 2)
    busy = stalls_with_events(probe, thread, core, seconds)
    bridge.close()
    made[0].leave()
    made[0].deleteLater()
    probe.app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return tell(rows, quiet, busy)


def search(page: QueuePage, text: str) -> None:
    """Type and do not wait for the typing to pause."""
    page.search.setText(text)
    page._debounce.stop()
    page._narrow()


def settle(probe: Probe, seconds: float) -> None:
    """Let Qt work for a while."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        probe.app.processEvents()
        time.sleep(0.002)


def stalls_while(seconds: float) -> list[float]:
    """Stalls over some seconds of Qt's own loop."""
    stalls = Stalls()
    loop = QEventLoop()  # app.quit would ask the window, which asks its owner
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    stalls.start()
    loop.exec()
    stalls.stop()
    return stalls.late_ms


def stalls_with_events(probe: Probe, thread: CoreThread, core: Core, seconds: float) -> list[float]:
    """Stalls while FOLLOWED jobs tell EVENTS_A_SECOND times a second how far they are."""
    stop = threading.Event()

    async def drive(core: Core) -> int:
        page = await core.journal.page(_newest())
        for job in page.jobs:
            await core.journal.apply(job.job_id, Change(to=JobStatus.ACCEPTED, new_attempt=True))
            for status in (JobStatus.PREPARING, JobStatus.QUEUED, JobStatus.RUNNING):
                await core.journal.apply(job.job_id, Change(to=status))
        sent = 0
        while not stop.is_set():
            began = time.perf_counter()
            await asyncio.gather(*(_step(core, job, sent) for job in page.jobs))
            sent += 1
            await asyncio.sleep(max(0.0, 1 / EVENTS_A_SECOND - (time.perf_counter() - began)))
        return sent

    running = thread.submit(drive)
    settle(probe, 2.0)
    late = stalls_while(seconds)
    stop.set()
    sent = running.result(30)
    print(f"{FOLLOWED} jobs told their progress {sent} times each")
    return late


def _newest() -> Any:
    return replace(JobQuery(), limit=FOLLOWED)


async def _step(core: Core, job: Job, number: int) -> None:
    done = min(0.99, number / 400)
    fields = {"progress": done, "node_title": "KSampler", "message": f"step {number}/400"}
    event = EventDraft(PROGRESS, {"status": "running", "progress": done})
    await core.journal.apply(job.job_id, Change(fields=fields, events=(event,), durable=False))


def tell(rows: list[Row], quiet: list[float], busy: list[float]) -> int:
    """Print the tables; 1 when a budget was missed."""
    print(f"\n{'':24}{'work':>10}{'longest':>10}{'shown in':>10}")
    for row in rows:
        mark = "" if row.work_s <= BUDGET_S else f"  over {BUDGET_S:g} s"
        print(
            f"{row.what:24}{row.work_s * 1000:>7.0f} ms{row.longest_s * 1000:>7.0f} ms"
            f"{row.shown_s * 1000:>7.0f} ms{mark}"
        )
    print(f"\n{'stalls':24}{'p50':>10}{'p99':>10}{'max':>10}")
    for name, late in (("idle", quiet), ("50 jobs, 20 events/s", busy)):
        p99 = statistics.quantiles(late, n=100)[98]
        print(f"{name:24}{statistics.median(late):>7.1f} ms{p99:>7.1f} ms{max(late):>7.1f} ms")
    return 1 if any(row.work_s > BUDGET_S for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
