"""Work on the window's thread: opening, sorting, filtering and searching very many jobs.

Work is what one turn of Qt's loop took in the main thread; waiting for the journal, which runs
elsewhere, is told apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ui.frame.window import MainWindow
from ui.main import application
from ui.queue.columns import COLUMNS, ROW_PX, Column
from ui.queue.page import QueuePage

BUDGET_S = 0.3


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


def page_of(window: MainWindow) -> QueuePage:
    """The window's queue."""
    found = window.findChild(QueuePage)
    assert isinstance(found, QueuePage)
    return found


def queue_rows(probe: Probe, build: Callable[[], MainWindow], count: int) -> list[Row]:
    """Open the window by `build`, and everything that is done to the list."""
    made: list[MainWindow] = []

    def page() -> QueuePage:
        return page_of(made[0])

    def is_read() -> bool:
        return page().model.is_read

    rows = [probe.run("open", lambda: made.append(build()), is_read)]
    assert page().model.rowCount() == count
    settle(probe, 1.0)
    for column, spec in COLUMNS.items():

        def sort(c: Column = column) -> None:
            page()._sort(c, descending=True)

        rows.append(probe.run(f"sort by {spec.title}", sort, is_read))
    for name in ("Failed", "Completed", "Today", "All"):

        def choose(n: str = name) -> None:
            page().chips.choose(n)

        rows.append(probe.run(f"filter {name}", choose, is_read))
    rows.append(probe.run("search", lambda: search(page(), "0042"), is_read))
    rows.append(probe.run("search nothing", lambda: search(page(), ""), is_read))
    middle = page().model.rowCount() // 2
    rows.append(
        probe.run(
            "jump to the middle",
            lambda: page().table.verticalScrollBar().setValue(middle * ROW_PX),
            lambda: page().model.job(middle) is not None,
        )
    )
    page().table.verticalScrollBar().setValue(0)
    page()._sort(Column.CREATED, descending=True)
    settle(probe, 1.0)
    return rows


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
