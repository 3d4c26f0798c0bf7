"""The main window: rail, health strip, pages, status bar, and the place for an inspector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from jigdesk.app import Core
from ui.bridge import Bridge
from ui.frame.history import History
from ui.frame.placing import place_on, size_on
from ui.frame.rail import Rail
from ui.frame.status_bar import HEIGHT as STATUS_HEIGHT
from ui.frame.status_bar import StatusBar
from ui.frame.strip import HealthStrip
from ui.frame.toasts import Toasts
from ui.memory import Memory
from ui.theme.theme import Theme

FIRST_SIZE = QSize(1480, 900)
LEAST_SIZE = QSize(820, 520)
SIDE_BY_SIDE_PX = 1100
"""Below this width the inspector is a page of its own."""
INSPECTOR_PX = 430
INSPECTOR = "window/inspector"

PageT = TypeVar("PageT", bound=QWidget)


@dataclass(slots=True)
class _Place:
    """A page that is made when it is first shown, and the part of it that gets the focus."""

    make: Callable[[QWidget], QWidget]
    main: Callable[[QWidget], QWidget]
    page: QWidget | None = None


class MainWindow(QMainWindow):
    """One desk's window. Pages are added by name, in the rail's order.

    A page and the inspector are made when they are first shown: all of them at once would double
    the time until the queue is there.

    `close_asked` follows the owner's wish to close: the window stays until `leave` is called.
    `restart_asked` follows the wish to have the core opened anew, with the settings of then.
    """

    close_asked = Signal()
    restart_asked = Signal()

    def __init__(self, core: Core, bridge: Bridge, theme: Theme, memory: Memory) -> None:
        super().__init__()
        self.theme = theme
        self.bridge = bridge
        self.memory = memory
        self._leaving = False
        self._places: dict[str, _Place] = {}
        self._unsaved: Callable[[], int] = lambda: 0
        self._page = ""
        self._inspector_of = ""
        self._inspector_open = False
        self._inspector_px = INSPECTOR_PX
        self.setWindowTitle("JigDesk")
        self.setWindowIcon(theme.icons.icon("jigdesk", "accent", 32))
        self.setMinimumSize(LEAST_SIZE)
        self.rail = Rail(theme, self)
        kept = {
            "store": core.store.bucket,
            "public": core.public_url_local,
            "publisher": _publisher(core),
        }
        self.strip = HealthStrip(theme, kept, self)
        self.status = StatusBar(theme, self)
        self._stack = QStackedWidget(self)
        self._split = QSplitter(Qt.Orientation.Horizontal, self)
        self._split.setChildrenCollapsible(False)
        self._split.setHandleWidth(1)
        self._split.addWidget(self._stack)
        self._split.setStretchFactor(0, 1)
        self._side = QWidget(self._split)
        self._side.hide()
        self._side_layout = QVBoxLayout(self._side)
        self._side_layout.setContentsMargins(0, 0, 0, 0)
        self._make_inspector: Callable[[QWidget], QWidget] | None = None
        self._inspector: QWidget | None = None
        self._lay_out()
        self.toasts = Toasts(self)
        self.toasts.keep_clear(STATUS_HEIGHT)
        self._wire()
        self._restore()

    def _lay_out(self) -> None:
        body = QWidget(self)
        body.setObjectName("page")
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.strip)
        column.addWidget(self._split, 1)
        column.addWidget(self.status)
        row = QHBoxLayout(body)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addLayout(column, 1)
        self.setCentralWidget(body)

    def _wire(self) -> None:
        self.rail.chosen.connect(self.choose_page)
        self.bridge.figures.connect(self.status.show_figures)
        self.bridge.figures.connect(self.strip.show_figures)
        self.bridge.health.connect(self.strip.show_checks)
        self.bridge.failed.connect(self.toasts.fail)
        self.strip.asked_again.connect(self.bridge.check_anew)
        self.strip.arranged.connect(self._order_tabs)
        self.strip.asked_again.connect(self.bridge.look_soon)
        self.strip.noted.connect(self.toasts.note)
        self.toasts.counted.connect(self.status.show_messages)
        self.status.asked_messages.connect(self._show_history)
        quit_keys = QShortcut(QKeySequence(QKeySequence.StandardKey.Quit), self)
        quit_keys.activated.connect(self.close)

    # --- pages -------------------------------------------------------------------------------

    def add_page(
        self,
        name: str,
        title: str,
        icon: str,
        make: Callable[[QWidget], PageT],
        *,
        main: Callable[[PageT], QWidget],
        at_foot: bool = False,
    ) -> None:
        """Add a page and its button; Ctrl and its number show it. The first one is shown.

        `make` is called once, when the page is first needed, with the page's parent: what moved to
        it later would be styled twice. `main` tells the part of the page that gets the focus.
        """
        self._places[name] = _Place(make, main)  # type: ignore[arg-type]  # both of one page
        self.rail.add(name, title, icon, at_foot=at_foot)
        self._order_tabs()
        number = len(self._places)
        keys = QShortcut(QKeySequence(f"Ctrl+{number}"), self)
        keys.activated.connect(lambda: self.choose_page(name))
        if number == 1:
            self.show_page(name)

    @property
    def page_names(self) -> tuple[str, ...]:
        """The pages that were added, in the rail's order."""
        return tuple(self._places)

    def page_of(self, name: str, kind: type[PageT]) -> PageT:
        """The page, which is made now if it has not been.

        Raises KeyError for one that was not added, TypeError for one of another kind.
        """
        page = self._made(name)
        if not isinstance(page, kind):
            raise TypeError(f"the page {name} is a {type(page).__name__}")
        return page

    def _made(self, name: str) -> QWidget:
        place = self._places[name]
        if place.page is None:
            place.page = place.make(self._stack)
            self._stack.addWidget(place.page)
            self._order_tabs()
        return place.page

    def keep_from_loss(self, unsaved: Callable[[], int]) -> None:
        """Ask `unsaved`, before the window goes, how many values would be lost with it."""
        self._unsaved = unsaved

    @property
    def unsaved(self) -> int:
        """How many values would be lost with the window."""
        return self._unsaved()

    def show_page(self, name: str) -> None:
        """Show a page; raises KeyError for one that was not added."""
        self._made(name)
        self._page = name
        self._arrange()
        self._focus_shown()
        self.rail.show_chosen(name)

    def _focus_shown(self) -> None:
        inspector = self._inspector
        if inspector is not None and self._inspector_covers():
            inspector.setFocus()
        else:
            self._places[self._page].main(self._made(self._page)).setFocus()

    def _order_tabs(self) -> None:
        """The Tab key goes from the rail over the strip and the page to the status bar."""
        way: list[QWidget] = [*self.status.buttons, *self.rail.buttons, *self.strip.buttons]
        last = self.previousInFocusChain()
        while last is not None and last is not self:
            if _takes_tab(last) and self._split.isAncestorOf(last):
                way.insert(0, last)
                break
            last = last.previousInFocusChain()
        for before, after in pairwise(way):
            self.setTabOrder(before, after)

    def choose_page(self, name: str) -> None:
        """The owner asks for a page: where the inspector has its place, it is closed."""
        if self._inspector_covers() and name == self._page:
            self._inspector_open = False
        self.show_page(name)
        self._order_tabs()  # a page may have filled itself since

    @property
    def page(self) -> str:
        """The name of the page that was chosen; also while the inspector has its place."""
        return self._page

    # --- the inspector -----------------------------------------------------------------------

    def set_inspector(self, make: Callable[[QWidget], QWidget], of: str) -> None:
        """Give the page `of` its inspector: beside it where there is room, else in its place.

        It is shown with that page alone, and open if it was so last time; `make` is called once,
        when it is first needed, with its parent.
        """
        self._make_inspector, self._inspector_of = make, of
        kept = self.memory.json_of(INSPECTOR)
        if isinstance(kept, dict):
            self._inspector_open = kept.get("open") is True
            width = kept.get("width_px")
            self._inspector_px = width if isinstance(width, int) else INSPECTOR_PX
        self._split.splitterMoved.connect(self._note_width)
        self._arrange()

    def need_inspector(self) -> QWidget:
        """The inspector, which is made now if it has not been; RuntimeError where there is none."""
        if self._inspector is None:
            if self._make_inspector is None:
                raise RuntimeError("this window has no inspector")
            self._inspector = self._make_inspector(self._side)
            self._side_layout.addWidget(self._inspector)
            self._order_tabs()
        return self._inspector

    @property
    def inspector_is_open(self) -> bool:
        """Whether it is shown, or will be with its page."""
        return self._inspector_open

    def show_inspector(self, shown: bool = True) -> None:
        """Open the inspector, with its page, or close it."""
        self._inspector_open = shown
        if shown and self._page != self._inspector_of:
            self.show_page(self._inspector_of)
            return
        self._arrange()

    def _inspector_covers(self) -> bool:
        return self._inspector is not None and self._stack.currentWidget() is self._inspector

    def _note_width(self) -> None:
        if self._side.isVisible():
            self._inspector_px = self._side.width()

    def _arrange(self) -> None:
        """Show what was chosen; a focus that was on what went is the page's, not the next one's."""
        focus = self.focusWidget()
        self._show_chosen()
        was_here = focus is not None and self._split.isAncestorOf(focus)
        if was_here and self.focusWidget() is not focus:
            self._focus_shown()

    def _show_chosen(self) -> None:
        """The chosen page, and the inspector beside it or in its place."""
        if not self._page:
            return
        page = self._made(self._page)
        shown = self._inspector_open and self._page == self._inspector_of
        beside = shown and self.width() >= SIDE_BY_SIDE_PX
        if shown:
            self._place_inspector(beside)
        covering = self._inspector if shown and not beside else None
        self._stack.setCurrentWidget(covering or page)
        if self._side.isHidden() is beside:
            self._side.setVisible(beside)
            width = self._inspector_px
            self._split.setSizes([max(1, self._split.width() - width), width])

    def _place_inspector(self, beside: bool) -> None:
        inspector = self.need_inspector()
        among_pages = self._stack.indexOf(inspector) >= 0
        if beside and among_pages:
            self._stack.removeWidget(inspector)
            self._side_layout.addWidget(inspector)
            inspector.show()
        elif not beside and not among_pages:
            self._stack.addWidget(inspector)

    # --- life --------------------------------------------------------------------------------

    def leave(self) -> None:
        """Close for good: remember how it looked, and accept the close."""
        self.remember()
        self._leaving = True
        self.close()

    def remember(self) -> None:
        """Write the window's state down."""
        self.memory.keep_bytes("window/geometry", self.saveGeometry())
        self.memory.keep_json("window/page", self.page)
        inspector = {"open": self._inspector_open, "width_px": self._inspector_px}
        self.memory.keep_json(INSPECTOR, inspector)
        self.memory.keep_json("window/theme", self.theme.choice.value)
        self.memory.write()

    def show_remembered_page(self) -> None:
        """Go back to the page of last time, when it still exists."""
        name = self.memory.json_of("window/page")
        if isinstance(name, str) and name in self._places:
            self.show_page(name)

    def to_front(self) -> None:
        """Show the window above the others."""
        if self.isMinimized():
            self.showNormal()
        self.show()
        self.raise_()
        self.activateWindow()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask first; the answer comes by `leave`."""
        if self._leaving:
            event.accept()
            return
        event.ignore()
        self.close_asked.emit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Move the inspector where it fits, and the toasts to their corner."""
        super().resizeEvent(event)
        self._arrange()
        self.toasts.place()

    def _restore(self) -> None:
        geometry = self.memory.bytes_of("window/geometry")
        if geometry is None or not self.restoreGeometry(geometry):
            self.resize(size_on(FIRST_SIZE, self.screen().availableGeometry()))
        elif not (self.isMaximized() or self.isFullScreen()):
            screens = [screen.availableGeometry() for screen in QGuiApplication.screens()]
            self.setGeometry(place_on(self.geometry(), screens))

    def _show_history(self) -> None:
        History(self.toasts.history, self.theme, self).open_above(self.status.messages_button)


def _takes_tab(widget: QWidget) -> bool:
    return bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)


def _publisher(core: Core) -> str:
    publisher = core.settings.publisher
    if publisher.kind == "local":
        return "this desk's stream"
    return f"Pusher · {publisher.host or publisher.cluster}"
