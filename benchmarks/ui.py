"""The window with 100,000 jobs: its work, its stalls, the webhooks' answers, its memory.

    python -m benchmarks.ui [--jobs N] [--seconds S] [--webhooks S] [--soak [MINUTES]]

Everything after the queue's own figures is measured while 50 jobs run, each with 20 events and
20 previews a second, and one of them is looked at in the inspector. With `--every-event` all of
those events are journalled, which is four times what a desk writes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtCore import QEvent, QSize

from benchmarks.flood import Flood
from benchmarks.load import FOLLOWED, Load
from benchmarks.memory import FLAT_MIB_A_MINUTE, Soak, Soaked
from benchmarks.queue_work import BUDGET_S, Probe, Row, page_of, queue_rows, settle
from benchmarks.stalls import Waits, qt_for, stalls_for
from jigdesk.app import Core
from jigdesk.resources import assets_dir
from jigdesk.services import housekeeping
from jigdesk.settings import load_settings
from tests.harness.many_jobs import fill
from ui.bridge import Bridge
from ui.collecting import collecting_here
from ui.core_thread import CoreThread
from ui.frame.window import MainWindow
from ui.host.log_feed import LogFeed
from ui.main import application
from ui.memory import Memory
from ui.pages import build_pages
from ui.theme.theme import Theme
from ui.turns import short_turns

ROUNDS = 3
WEBHOOKS_A_SECOND = 10.0
_BUSY = f"{FOLLOWED} jobs run"
LONGEST_MS, P99_MS, RATIO = 50.0, 16.0, 1.5


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is asked for."""

    jobs: int
    seconds: float
    webhooks_s: float
    soak_min: float
    every_event: bool


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 when the queue's work was over its budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of stalls")
    parser.add_argument(
        "--webhooks", type=float, default=60.0, help="seconds of webhooks with and without a window"
    )
    parser.add_argument("--soak", type=float, nargs="?", const=10.0, default=0.0, help="minutes")
    parser.add_argument("--every-event", action="store_true", help="journal each event")
    given = parser.parse_args(arguments)
    chosen = Chosen(given.jobs, given.seconds, given.webhooks, given.soak, given.every_event)
    application()  # first: without it the timer that collects garbage would never run
    with tempfile.TemporaryDirectory(prefix="jigdesk-bench-") as name:
        home = Path(name)
        with _core(home, chosen.jobs) as thread, collecting_here(), short_turns():
            return _measure(Bench(thread, home), chosen)


@contextlib.contextmanager
def _core(home: Path, jobs: int) -> Iterator[CoreThread]:
    """A desk with so many jobs of the past."""
    (home / "state").mkdir()
    began = time.perf_counter()
    fill(home / "state" / "journal.db", jobs, final_only=True, now=datetime.now(UTC))
    print(f"{jobs:,} jobs written in {time.perf_counter() - began:.1f} s")
    settings = load_settings(
        {"JIGDESK_HOME": str(home)},
        {
            "server": {"public_port": 0, "local_port": 0},
            "comfyui": {"kind": "demo", "port": 0},
            "queue": {"max_depth": 100_000},
        },
    )
    # the window is measured with more jobs than a desk keeps
    housekeeping.Retention = partial(housekeeping.Retention, journal_jobs=10 * jobs)
    thread = CoreThread(settings)
    thread.start()
    thread.started.result(60)
    try:
        yield thread
    finally:
        thread.stop()
        thread.join()


class Bench:
    """One core, and a window over it that can be opened and closed."""

    def __init__(self, thread: CoreThread, home: Path) -> None:
        self.thread = thread
        self.core: Core = thread.started.result()
        self.probe = Probe()
        self._theme = Theme(self.probe.app, assets_dir())
        self._home = home
        self._window: MainWindow | None = None

    def open(self) -> MainWindow:
        """A window of the size that it has at its first start."""
        core = self.core
        bridge = Bridge(self.thread)
        memory = Memory(core.settings.paths.state_dir)
        window = self._window = MainWindow(core, bridge, self._theme, memory)
        build_pages(window, core)
        window.resize(QSize(1480, 900))
        window.show()
        bridge.open()
        return window

    def look_at(self, job_id: str) -> None:
        """Show the inspector for a job that runs."""
        assert self._window is not None
        page_of(self._window).opened.emit(job_id)

    def flood(self, seconds: float) -> tuple[tuple[Waits, Waits], float]:
        """Stalls while the console on the host page takes in lines, and how many a second."""
        assert self._window is not None
        feed = self._window.bridge.findChild(LogFeed)
        assert isinstance(feed, LogFeed)
        self._window.show_page("host")
        settle(self.probe, 1.0)
        with Flood(feed) as flood:
            settle(self.probe, 2.0)  # full from here on: each line pushes one out
            seen = stalls_for(seconds)
        self._window.show_page("queue")
        settle(self.probe, 1.0)
        return seen, flood.lines / flood.seconds

    def close(self) -> None:
        """Close the window; the core goes on."""
        window, self._window = self._window, None
        assert window is not None
        window.bridge.close()
        window.leave()
        window.deleteLater()
        self.probe.app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        self.probe.app.processEvents()

    def answers(self, seconds: float) -> list[float]:
        """Milliseconds of webhooks' answers, while Qt's loop runs if there is a window."""
        secret = (self._home / "state" / "webhook.secret").read_text().strip()
        count = max(20, int(seconds * WEBHOOKS_A_SECOND))
        client = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.webhook_client"),
                *(self.core.public_url_local, secret, str(count), str(WEBHOOKS_A_SECOND)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._window is not None:
            while client.poll() is None:
                qt_for(0.2)
        out, _ = client.communicate(timeout=600)
        assert client.returncode == 0
        found: list[float] = json.loads(out)
        return found


def _measure(bench: Bench, chosen: Chosen) -> int:
    window = bench.open
    rows = queue_rows(bench.probe, window, chosen.jobs)
    _tell_rows(rows)
    quiet = stalls_for(max(2.0, chosen.seconds / 10))
    flooded, lines = bench.flood(max(2.0, chosen.seconds / 4))
    load = Load(bench.thread, every_event=chosen.every_event)
    load.start()
    bench.look_at(load.job_ids[0])
    settle(bench.probe, 2.0)
    began, before = time.perf_counter(), psutil.Process().cpu_times()
    busy = stalls_for(chosen.seconds)
    after = psutil.Process().cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / (time.perf_counter() - began)
    _tell_stalls({"nothing runs": quiet, f"{lines:,.0f} log lines/s": flooded, _BUSY: busy}, cpu)
    if chosen.webhooks_s > 0:
        _tell_answers(*_turns(bench, load, chosen.webhooks_s))
    if chosen.soak_min > 0:
        soak = Soak()
        qt_for(60 * chosen.soak_min, soak.look)
        _tell_soak(soak.result())
    told = load.stop()
    print(f"\n{FOLLOWED} jobs, {told.each_a_second:.1f} events a second each")
    bench.close()
    return 1 if any(row.work_s > BUDGET_S for row in rows) else 0


def _turns(bench: Bench, load: Load, seconds: float) -> tuple[list[float], list[float]]:
    """Answers with no window and with one, in turns, so that both see the same machine."""
    # what comes in waits: it is the answer that is measured, not the jobs
    bench.thread.submit(lambda core: core.control.pause("measuring")).result(30)
    without: list[float] = []
    with_window: list[float] = []
    for _ in range(ROUNDS):
        bench.close()
        without += bench.answers(seconds / ROUNDS)
        bench.open()
        bench.look_at(load.job_ids[0])
        settle(bench.probe, 2.0)
        with_window += bench.answers(seconds / ROUNDS)
    return without, with_window


def _tell_rows(rows: list[Row]) -> None:
    print(f"\n{'':24}{'work':>10}{'longest':>10}{'shown in':>10}")
    for row in rows:
        mark = "" if row.work_s <= BUDGET_S else f"  over {BUDGET_S:g} s"
        print(
            f"{row.what:24}{row.work_s * 1000:>7.0f} ms{row.longest_s * 1000:>7.0f} ms"
            f"{row.shown_s * 1000:>7.0f} ms{mark}"
        )


def _tell_stalls(seen: dict[str, tuple[Waits, Waits]], cpu: float) -> None:
    print(
        f"\n{'stalls':24}{'median':>10}{'p99':>10}{'longest':>10}{'> 16 ms':>10}{'> 50 ms':>10}"
        f"{'work p99':>11}{'longest':>10}"
    )
    for name, (window, machine) in seen.items():
        work = f"{window.work_p99:>8.1f} ms{window.work_longest:>7.1f} ms"
        for what, took, own in ((name, window, work), ("  the machine then", machine, "")):
            print(
                f"{what:24}{took.median:>7.1f} ms{took.p99:>7.1f} ms{took.longest:>7.1f} ms"
                f"{took.over_16:>10}{took.over_50:>10}{own}"
            )
    load = os.getloadavg()[0]
    print(
        f"targets: p99 {P99_MS:g} ms, longest {LONGEST_MS:g} ms; {cpu:.2f} cores, load {load:.1f}"
    )


def _tell_answers(without: list[float], with_window: list[float]) -> None:
    print(f"\n{'webhook answers':24}{'median':>10}{'p95':>10}{'longest':>10}")
    for name, taken in (("no window", without), ("with the window", with_window)):
        print(
            f"{name:24}{statistics.median(taken):>7.1f} ms{_p95(taken):>7.1f} ms"
            f"{max(taken):>7.1f} ms"
        )
    ratio = _p95(with_window) / _p95(without)
    print(f"ratio of the p95: {ratio:.2f}, target {RATIO:g}; load {os.getloadavg()[0]:.1f}")


def _tell_soak(soaked: Soaked) -> None:
    print(
        f"\nmemory over {soaked.minutes:.1f} min, the first fifth left out:"
        f" {soaked.first_mib:.0f} → {soaked.last_mib:.0f} MiB,"
        f" {soaked.slope_mib_a_minute:+.2f} MiB a minute"
        f" ({'flat' if soaked.is_flat else 'NOT flat'}, limit {FLAT_MIB_A_MINUTE:g});"
        f" threads {soaked.threads}, files {soaked.files}, objects {soaked.objects}"
    )


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95) - 1]


if __name__ == "__main__":
    sys.exit(main())
