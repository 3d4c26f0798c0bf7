"""The only way between the core's thread and the window's."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from jigdesk.app import Core
from jigdesk.domain.check import Check
from jigdesk.domain.errors import JigDeskError, TransientError
from ui.core_thread import CoreGone, CoreThread
from ui.figures import Figures, look
from ui.hearing import Hearing
from ui.inbox import Batch, Inbox

log = logging.getLogger(__name__)
T = TypeVar("T")
Work = Callable[[Core], Coroutine[Any, Any, T]]

TICK_MS = 100
FIGURES_TICKS = 5
"""Figures are read at most this often while jobs change …"""
FIGURES_IDLE_TICKS = 50
"""… and this often when nothing seems to."""
HEALTH_TICKS = 600
MAX_CALLS = 256


class WindowBusy(TransientError):
    """Too many commands are under way."""

    def __init__(self) -> None:
        super().__init__("busy", "The desk is still busy with earlier commands. Try again soon.")


class DeskFault(JigDeskError):
    """What was asked ended with a bug, which is told by itself."""

    def __init__(self) -> None:
        super().__init__("internal", "The desk made a mistake here, and its report says which.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """One command's future with what the window wants to do with it."""

    future: Future[Any]
    then: Callable[[Any], None] | None
    otherwise: Callable[[JigDeskError], None] | None


class Bridge(QObject):
    """Carries values: the core's changes to the window, the window's commands to the core.

    Everything here runs in Qt's main thread but the listeners that fill the inbox. `arrived`
    (Batch) is heard at most ten times a second, `ticked` (int) with every beat of the one timer,
    for animations and ages. Signals: `figures(Figures)`, `health(Sequence[Check])`; `failed(str)`
    for an expected failure that nobody handles; `bug(BaseException)` for one that was not
    expected; `closing` before it stops to listen.
    """

    figures = Signal(object)
    health = Signal(object)
    failed = Signal(str)
    bug = Signal(object)
    closing = Signal()
    _settled = Signal()

    def __init__(self, core: CoreThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.arrived: Hearing[Batch] = Hearing()
        self.ticked: Hearing[int] = Hearing()
        self._core = core
        self._inbox = Inbox()
        self._answers: deque[_Answer] = deque()
        self._calls = 0
        self._beats = 0
        self._figures_due = True
        self._figures_at = -FIGURES_TICKS
        self._reading_figures = False
        self._reading_health = False
        self._anew_due = False
        self._unsubscribe: list[Callable[[], None]] = []
        self._closed = False
        self._latest: Figures | None = None
        self._settled.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._beat)

    @property
    def core(self) -> Core:
        """The running core: read its immutable parts, and use `call` or `ask` for all else."""
        return self._core.started.result()

    @property
    def latest(self) -> Figures | None:
        """The newest figures; None before the first."""
        return self._latest

    def open(self) -> None:
        """Begin to listen; the core has started."""

        async def listen(core: Core) -> list[Callable[[], None]]:
            ways = [
                core.journal.subscribe(self._inbox.changed),
                core.work.previews.subscribe(self._inbox.preview),
                core.listeners.requests.subscribe(lambda _: self._inbox.request()),
                core.templates.on_change(self._inbox.workflows),
            ]
            if core.engine.supervisor is not None:
                ways.append(core.engine.supervisor.subscribe(lambda _: self._inbox.engine()))
            return ways

        self.call(listen, self._unsubscribe.extend)
        self._timer.start()
        self.check_health()

    def close(self) -> None:
        """Stop listening. Answers that are still on their way are dropped."""
        if self._closed:
            return
        self.closing.emit()
        self._timer.stop()
        self._closed = True
        ways, self._unsubscribe = self._unsubscribe, []

        def unsubscribe() -> None:
            for way in ways:
                way()

        if ways and not self._core.ended.done():
            self._core.call_soon(unsubscribe)

    def unsubscribe_at_close(self, way: Callable[[], None]) -> None:
        """Call `way` on the core's loop once the bridge is closed."""
        self._unsubscribe.append(way)

    def call(
        self,
        work: Work[T],
        then: Callable[[T], None] | None = None,
        otherwise: Callable[[JigDeskError], None] | None = None,
    ) -> None:
        """Run `work(core)` on the core's loop; `then` gets its result in the main thread.

        An expected failure goes to `otherwise`, else to the signal `failed`; a bug to `bug`, and
        as a DeskFault to `otherwise`, so that nothing waits for an answer that does not come.
        Nothing is called any more once the bridge is closed, or the core has ended.
        """
        if self._closed:
            return
        if self._calls >= MAX_CALLS:
            self._refuse(WindowBusy(), otherwise)
            return
        self._calls += 1
        try:
            future = self._core.submit(work)
        except CoreGone:
            self._calls -= 1
            if not self._core.started.done():
                raise
            return  # it has ended, by itself or with a bug, which the desk tells once
        answer = _Answer(future, then, otherwise)

        def settled(_: Future[T]) -> None:  # on the core's thread
            self._answers.append(answer)
            if not self._closed:
                self._settled.emit()

        future.add_done_callback(settled)

    async def ask(self, work: Work[T]) -> T:
        """`work(core)` on the core's loop, awaited on the window's; cancelling cancels it."""
        return await asyncio.wrap_future(self._core.submit(work))

    def follow(self, job_id: str | None) -> None:
        """Have this job's news in every batch, also while many run; None: no job is looked at."""
        self._inbox.follow(job_id)

    def look_soon(self) -> None:
        """Read the figures with the next beat."""
        self._figures_due = True
        self._figures_at = -FIGURES_TICKS

    def check_health(self) -> None:
        """Read the checks now, unless they are being read."""
        self._check(anew=False)

    def check_anew(self) -> None:
        """Run all checks now, those too whose last answer would serve a moment longer."""
        self._check(anew=True)

    def _check(self, *, anew: bool) -> None:
        if self._reading_health:
            self._anew_due = self._anew_due or anew
            return
        self._reading_health = True

        async def checks(core: Core) -> Sequence[Check]:
            return await (core.health.look() if anew else core.control.health())

        self.call(checks, self._health_read, self._health_failed)

    # --- the timer ---------------------------------------------------------------------------

    def _beat(self) -> None:
        self._beats += 1
        batch = self._inbox.take()
        if batch is not None:
            self._figures_due = True
            self.arrived.emit(batch)
            if batch.engine_changed:
                self.check_health()
        since = self._beats - self._figures_at
        if since >= (FIGURES_TICKS if self._figures_due else FIGURES_IDLE_TICKS):
            self._read_figures()
        if self._beats % HEALTH_TICKS == 0:
            self.check_health()
        self.ticked.emit(self._beats)

    def _read_figures(self) -> None:
        if self._reading_figures:
            return
        self._reading_figures, self._figures_due = True, False
        self._figures_at = self._beats
        self.call(look, self._figures_read, self._figures_failed)

    def _figures_read(self, figures: Figures) -> None:
        self._reading_figures = False
        before, self._latest = self._latest, figures
        if before is not None and _as_seen(before) != _as_seen(figures):
            self.check_health()
        self.figures.emit(figures)

    def _figures_failed(self, failure: JigDeskError) -> None:
        self._reading_figures = False
        log.warning("the figures cannot be read: %s", failure.message)

    def _health_read(self, checks: Sequence[Check]) -> None:
        self._health_ended()
        self.health.emit(checks)

    def _health_failed(self, failure: JigDeskError) -> None:
        self._health_ended()
        log.warning("the checks cannot be run: %s", failure.message)

    def _health_ended(self) -> None:
        self._reading_health = False
        if self._anew_due:
            self._anew_due = False
            self.check_anew()

    # --- answers -----------------------------------------------------------------------------

    def _deliver(self) -> None:
        while self._answers:
            answer = self._answers.popleft()
            self._calls -= 1
            if not self._closed:
                self._settle(answer)

    def _settle(self, answer: _Answer) -> None:
        try:
            value = answer.future.result()
        except (CancelledError, asyncio.CancelledError):  # the core stops
            return
        except JigDeskError as failure:
            self._refuse(failure, answer.otherwise)
        except Exception as bug:  # shown by the dialog for bugs
            if self._core.is_stopping:  # it was asked while parts of it were closed already
                log.info("an answer was lost with the core", exc_info=bug)
            else:
                self.bug.emit(bug)
                if answer.otherwise is not None:
                    answer.otherwise(DeskFault())
        else:
            if answer.then is not None:
                answer.then(value)

    def _refuse(
        self, failure: JigDeskError, otherwise: Callable[[JigDeskError], None] | None
    ) -> None:
        if otherwise is not None:
            otherwise(failure)
        else:
            self.failed.emit(failure.message)


def _as_seen(figures: Figures) -> tuple[object, ...]:
    """What makes the checks out of date."""
    engine = figures.engine
    return engine.get("status"), engine.get("connected"), figures.public_url, figures.paused
