"""The window's life: start the core, show the window, leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from jigdesk.app import Core
from jigdesk.domain.errors import JigDeskError
from jigdesk.logs import secrets_of
from jigdesk.settings import Settings
from jigdesk.settings.draft import Origin
from ui.bridge import Bridge
from ui.core_thread import CoreThread
from ui.figures import Figures, look
from ui.frame.bug_dialog import BugBox
from ui.frame.quitting import QuitDialog
from ui.frame.restarting import RestartDialog
from ui.frame.start_page import StartPage
from ui.frame.window import MainWindow
from ui.memory import Memory
from ui.pages import build_pages, hide_nothing
from ui.settings.form import Hide
from ui.single import SingleInstance
from ui.theme.theme import Theme, ThemeChoice
from ui.words import counted

log = logging.getLogger(__name__)

STOP_WITHIN_S = 20.0
LOOK_WITHIN_MS = 3_000
OK, FAILED = 0, 1
STOPPING = "Jobs under way are put down: they go on at the next start."


class Desk:
    """One window over one core. Lives on the window's loop, in the main thread."""

    def __init__(
        self,
        settings: Settings,
        app: QApplication,
        theme: Theme,
        bugs: BugBox,
        *,
        origin: Origin | None = None,
        hide: Hide = hide_nothing,
    ) -> None:
        """Begin with `settings`; later starts of the core read them from `origin` again.

        `hide` is told the secrets that later settings have, so that the log is without them.
        """
        self._settings = settings
        self._origin = origin or Origin.of(settings)
        self._hide = hide
        self._app = app
        self._theme = theme
        self._bugs = bugs
        self._leave = asyncio.Event()
        self._again = asyncio.Event()
        self._back = asyncio.Event()
        self._restart = asyncio.Event()
        self._memory = Memory(settings.paths.state_dir)
        chosen = self._memory.json_of("window/theme")
        if chosen in set(ThemeChoice):
            theme.choose(ThemeChoice(chosen))
        self._has_started = False
        self.window: MainWindow | None = None
        self._start: StartPage | None = None
        self._looking = QTimer()  # runs while the core is asked whether anything is under way
        self._looking.setSingleShot(True)
        self._looking.setInterval(LOOK_WITHIN_MS)
        self._looking.timeout.connect(lambda: self._ask_or_leave(None))
        self._question: QuitDialog | RestartDialog | None = None
        self._finishing: MainWindow | None = None  # the one that goes once its jobs have ended
        self._drains = False

    def leave(self) -> None:
        """Quit without asking: jobs under way are checkpointed."""
        self._leave.set()

    async def run(self) -> int:
        """Return the exit code once everything is closed."""
        single = SingleInstance(self._settings.paths.state_dir)
        single.asked.connect(self._to_front)
        try:
            return await self._run()
        finally:
            single.close()

    async def _run(self) -> int:
        self._start = StartPage(self._theme)
        self._start.left.connect(self.leave)
        self._start.again.connect(self._again.set)
        self._start.back.connect(self._back.set)
        self._start.show()
        wanted: Settings | Callable[[], Settings] = self._settings
        while not self._leave.is_set():
            for event in (self._again, self._back, self._restart):
                event.clear()
            self._start.show_starting()
            thread = CoreThread(wanted)
            thread.start()
            try:
                core = await self._started(thread)
            except JigDeskError as failure:
                log.error("the desk cannot start: %s", failure.message)  # noqa: TRY400 - expected
                worked = self._has_started and wanted is not self._settings
                self._start.show_failure(failure.message, can_go_back=worked)
                await self._either(self._again, self._back, self._leave)
                wanted = self._settings if self._back.is_set() else self._read
                continue
            if core is None:
                continue
            self._settings, self._has_started = core.settings, True
            async with self._stopped_after(thread):
                await self._show(core, thread)
            wanted = self._read
        failed = thread.ended.done() and thread.ended.exception() is not None
        self._start.close()
        return FAILED if failed or self.window is None else OK

    def _read(self) -> Settings:
        """The settings as they stand now; in the core's thread."""
        settings = self._origin.load()
        self._hide(secrets_of(settings))
        return settings

    async def _started(self, thread: CoreThread) -> Core | None:
        """The running core; None when the owner left before it was."""
        starting: asyncio.Future[Core] = asyncio.wrap_future(thread.started)
        leaving = asyncio.create_task(self._leave.wait())
        both: set[asyncio.Future[Any]] = {starting, leaving}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
        if starting.done():
            return starting.result()
        if self._start is not None:
            self._start.show_stopping(STOPPING)
        thread.stop()
        with contextlib.suppress(JigDeskError, RuntimeError):
            await starting
        await asyncio.wrap_future(thread.ended)
        return None

    async def _show(self, core: Core, thread: CoreThread) -> None:
        bridge = Bridge(thread)
        bridge.bug.connect(self._bugs.show)
        window = MainWindow(core, bridge, self._theme, self._memory)
        build_pages(window, core, self._origin, self._hide)
        window.show_remembered_page()
        window.close_asked.connect(self._close_asked)
        bridge.figures.connect(self._ended_meanwhile)
        window.restart_asked.connect(self._restart_asked)
        self._bugs.parent = window
        self.window = window
        bridge.open()
        window.show()
        if self._start is not None:
            self._start.hide()
        try:
            await self._until_left(thread, bridge)
        finally:
            self._bugs.parent = None
            bridge.close()
            if self._restart.is_set() and self._start is not None and not self._leave.is_set():
                self._start.show_stopping("Jobs under way are put down, to go on in a moment.")
                self._start.show()
                window.leave()
                self.window = None
                window.deleteLater()  # the core that is opened next has a window of its own
                bridge.deleteLater()
            else:
                window.leave()
                if self._start is not None:  # for a second start, should it come now
                    self._start.show_stopping(STOPPING)

    async def _until_left(self, thread: CoreThread, bridge: Bridge) -> None:
        """Return when the owner leaves, asks for a restart, or the core has ended."""
        ended = asyncio.wrap_future(thread.ended)
        wishes = [asyncio.create_task(wish.wait()) for wish in (self._leave, self._restart)]
        any_of: set[asyncio.Future[Any]] = {ended, *wishes}
        try:
            await asyncio.wait(any_of, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wish in wishes:
                wish.cancel()
        if ended.done() and (bug := ended.exception()) is not None:
            bridge.close()  # there is nobody left to ask
            closed = asyncio.Event()
            dialog = self._bugs.show_end(bug)
            dialog.finished.connect(lambda _: closed.set())
            await self._either(closed, self._leave)
            if self._bugs.dialog is dialog:
                dialog.close()
            self._leave.set()

    @contextlib.asynccontextmanager
    async def _stopped_after(self, thread: CoreThread) -> AsyncIterator[None]:
        try:
            yield
        finally:
            thread.stop()
            ended = asyncio.wrap_future(thread.ended)
            done, _ = await asyncio.wait({ended}, timeout=STOP_WITHIN_S)
            if not done:
                log.error("the core did not stop within %g s", STOP_WITHIN_S)
            else:
                ended.exception()  # shown or logged already
                thread.join()

    # --- leaving -----------------------------------------------------------------------------

    def _close_asked(self) -> None:
        window = self.window
        if window is None or self._leave.is_set():
            return
        if self._question is not None or self._looking.isActive():
            return
        figures = window.bridge.latest
        if figures is not None and figures.active > 0:
            self._ask(window, figures)
            return
        # what is known may be half a second old: a job may have come since
        self._looking.start()
        window.bridge.call(look, self._ask_or_leave, lambda _: self._ask_or_leave(None))

    def _ask_or_leave(self, figures: Figures | None) -> None:
        """Go on with what the core answered; None when it does not, and jobs are put down."""
        window, waited = self.window, self._looking.isActive()
        self._looking.stop()
        if self._question is not None or (figures is not None and not waited):
            return  # an answer that came too late
        if window is None or not ((figures is not None and figures.active) or window.unsaved):
            self.leave()
        else:
            self._ask(window, figures)

    def _ask(self, window: MainWindow, figures: Figures | None) -> None:
        active = 0 if figures is None else figures.active
        is_paused = figures is not None and figures.paused is not None
        question = QuitDialog(active, window.unsaved, is_paused=is_paused, parent=window)
        self._question = question
        question.finish.connect(self._finish_first)
        question.stop_now.connect(self.leave)
        question.finished.connect(self._answered)
        question.open()
        window.bridge.look_soon()  # what it says may have been over for half a second

    def _ended_meanwhile(self, figures: Figures) -> None:
        """Leave once nothing is under way any more, unless something else is left to ask."""
        question, window = self._question, self.window
        if figures.active or not isinstance(question, QuitDialog) or not question.has_jobs:
            return
        question.accept()
        if window is not None and window.unsaved:
            self._ask(window, figures)
        else:
            self.leave()

    def _restart_asked(self) -> None:
        window = self.window
        if window is None or self._question is not None:
            return
        figures = window.bridge.latest
        active = 0 if figures is None else figures.active
        if not active and not window.unsaved:
            self._restart.set()
            return
        question = self._question = RestartDialog(active, window.unsaved, parent=window)
        question.restart.connect(self._restart.set)
        question.finished.connect(self._answered)
        question.open()

    def _answered(self) -> None:
        if self._question is not None:
            self._question.deleteLater()
        self._question = None

    def _finish_first(self) -> None:
        window = self.window
        if window is None:
            return
        window.status.show_words("Finishing the jobs, then quitting", "warning")
        if self._finishing is not window:
            self._finishing, self._drains = window, False
            window.bridge.figures.connect(self._finished)
        window.bridge.call(lambda core: core.control.drain(), lambda _: window.bridge.look_soon())

    def _finished(self, figures: Figures) -> None:
        window = self.window
        if window is None or self._leave.is_set():
            return
        if figures.draining is None and self._drains:  # resumed meanwhile: stay, for good
            self._finishing = None
            window.bridge.figures.disconnect(self._finished)
            return
        if figures.draining is None or figures.paused is not None:
            return
        self._drains = True
        window.status.show_words(
            f"Finishing {counted(figures.active, 'job')}, then quitting", "warning"
        )
        if figures.active == 0:  # the flag would outlive this run
            window.bridge.figures.disconnect(self._finished)
            window.bridge.call(lambda core: core.control.resume(), lambda _: self.leave())

    def _to_front(self) -> None:
        """Show what there is: also while the desk stops, and nothing else is on the screen."""
        if self.window is not None and self.window.isVisible():
            self.window.to_front()
        elif self._start is not None:
            self._start.to_front()

    async def _either(self, *events: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
