"""How long a click would wait: a timer of 2 ms in the window's thread, and one beside it.

The one beside runs in a process that does nothing else: how late it comes is the machine's own
doing. `work` is the processor time that the window's thread itself took between two ticks: what
is left of a stall on a machine that has nothing else to do. Percentiles are over moments, not
over the timer's ticks: a stall of 50 ms counts for all the moments in it, though only one tick
saw it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEventLoop, Qt, QTimer

PROBE_MS = 2
_BESIDE = f"""
import json, sys, time
late, until = [], time.monotonic() + float(sys.argv[1])
while (now := time.monotonic()) < until:
    due = now + {PROBE_MS} / 1000
    time.sleep({PROBE_MS} / 1000)
    late.append(round(max(0.0, (time.monotonic() - due) * 1000), 2))
print(json.dumps(late))
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """What clicks would have waited, in milliseconds."""

    median: float
    p99: float
    longest: float
    over_16: int
    over_50: int
    work_p99: float = 0.0
    work_longest: float = 0.0


def waits(late_ms: Iterable[float], work_ms: Sequence[float] = (0.0,)) -> Waits:
    """From how late each tick came, and how much the thread did before it."""
    ticks = list(late_ms)
    work = _moments(work_ms)
    moments = _moments(ticks)

    return Waits(
        _at(moments, 0.5),
        _at(moments, 0.99),
        moments[-1],
        sum(1 for late in ticks if late > 16),
        sum(1 for late in ticks if late > 50),
        _at(work, 0.99),
        work[-1],
    )


def _at(moments: Sequence[float], share: float) -> float:
    return moments[min(len(moments) - 1, int(share * len(moments)))]


def _moments(ticks: Iterable[float]) -> list[float]:
    moments: list[float] = []
    for late in ticks:
        whole, rest = divmod(max(0.0, late), PROBE_MS)
        moments.append(rest)
        moments += [rest + PROBE_MS * (each + 1) for each in range(int(whole))]
    return sorted(moments)


class Beside:
    """The probe in a process of its own."""

    def __init__(self, seconds: float) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BESIDE, str(seconds)], stdout=subprocess.PIPE
        )

    def waits(self) -> Waits:
        """What the machine made wait; blocks until its time is over."""
        out, _ = self._process.communicate(timeout=120)
        return waits(json.loads(out))


class Stalls:
    """How late a timer of the window's thread comes."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self.work_ms: list[float] = []
        self._due = 0.0
        self._worked = 0.0
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(PROBE_MS)
        self._timer.timeout.connect(self._tick)

    def start(self) -> None:
        """Begin to look."""
        self._due = time.perf_counter() + PROBE_MS / 1000
        self._worked = time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def _tick(self) -> None:
        now, worked = time.perf_counter(), time.thread_time()
        self.work_ms.append((worked - self._worked) * 1000)
        self._worked = worked
        self.late_ms.append(max(0.0, (now - self._due) * 1000))
        self._due = now + PROBE_MS / 1000


def qt_for(seconds: float, each_second: Callable[[], Any] | None = None) -> None:
    """Qt's own loop for so long."""
    loop = QEventLoop()  # app.quit would ask the window, which asks its owner
    QTimer.singleShot(int(seconds * 1000), loop.quit)
    timer = QTimer()
    if each_second is not None:
        timer.timeout.connect(each_second)
        timer.start(1000)
    loop.exec()
    timer.stop()


def stalls_for(seconds: float) -> tuple[Waits, Waits]:
    """The window's waits and the machine's, over the same seconds of Qt's own loop."""
    beside = Beside(seconds)
    stalls = Stalls()
    stalls.start()
    qt_for(seconds)
    stalls.stop()
    return waits(stalls.late_ms, stalls.work_ms), beside.waits()
