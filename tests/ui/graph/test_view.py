"""The graph on the screen: keyboard, zoom, following."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from jigdesk.domain.changes import StageState
from tests.ui.jobs import a_graph, a_job, a_run
from ui.graph.view import LEAST_ZOOM, MOST_ZOOM, GraphView
from ui.theme.theme import Theme, ThemeChoice


@pytest.fixture
def view(qtbot: QtBot, theme: Theme) -> GraphView:
    shown = GraphView(theme)
    qtbot.addWidget(shown)
    shown.resize(400, 220)
    shown.show_graph(a_graph("fine", "big"))
    shown.show()
    return shown


def test_the_arrow_keys_walk_from_card_to_card(qtbot: QtBot, view: GraphView) -> None:
    told: list[str] = []
    view.chosen.connect(told.append)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        qtbot.keyClick(view, key)
    assert view.current == ("big", "3")
    qtbot.keyClick(view, Qt.Key.Key_Down)  # there is nothing below
    assert view.current == ("big", "3")
    assert told[-1].startswith("Save (SaveImage, node 3): waiting")


def test_a_card_tells_what_its_node_is_given_and_how_long_it_took(
    qtbot: QtBot, theme: Theme
) -> None:
    graph = a_graph("fine")
    graph["stages"][0]["nodes"][1]["values"] = {"steps": 12, "prompt": "a lighthouse\n" * 40}
    shown = GraphView(theme)
    qtbot.addWidget(shown)
    shown.show_graph(graph)
    run = a_run("fine", StageState.STORED, nodes={"2": {"seconds": 1.3, "state": "done"}})
    shown.show_job(a_job(), [run])
    title, *given = shown.cards["fine", "2"].toolTip().split("\n")
    assert title == "Work (Work, node 2): 1.3 s"
    assert given[:2] == ["    image: from Picture", "    steps: 12"]
    assert given[2].startswith("    prompt: a lighthouse a lighthouse")
    assert len(given[2]) < 120
    assert given[2].endswith("…")


def test_the_keyboard_begins_at_the_running_node(qtbot: QtBot, view: GraphView) -> None:
    view.show_job(a_job(stage="big", node="2"), [a_run("big", StageState.POSTING)])
    qtbot.keyClick(view, Qt.Key.Key_Left)
    assert view.current == ("big", "2")


def test_zoom_is_held_within_bounds_and_comes_back(qtbot: QtBot, view: GraphView) -> None:
    fitting = view.zoom
    for _ in range(40):
        qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom == pytest.approx(MOST_ZOOM)
    for _ in range(40):
        qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert view.zoom == pytest.approx(LEAST_ZOOM)
    qtbot.keyClick(view, Qt.Key.Key_0)
    assert view.zoom == pytest.approx(fitting)


def test_the_wheel_zooms_only_with_ctrl(view: GraphView) -> None:
    before = view.zoom
    for keys, zooms in (
        (Qt.KeyboardModifier.NoModifier, False),
        (Qt.KeyboardModifier.ControlModifier, True),
    ):
        event = QWheelEvent(
            QPointF(50, 50), QPointF(50, 50), QPoint(), QPoint(0, 120),
            Qt.MouseButton.NoButton, keys, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(view.viewport(), event)
        assert (view.zoom > before) is zooms


def test_it_follows_the_running_node_until_somebody_pans(qtbot: QtBot, view: GraphView) -> None:
    view.resize(200, 90)
    view.show_graph(a_graph("a", "b", "c", "d"))

    def in_view(stage: str, node: str) -> bool:
        return view.viewport().rect().contains(view.centre_of((stage, node)).toPoint())

    view.show_job(a_job(stage="d", node="3"), [a_run("d", StageState.POSTING)])
    assert in_view("d", "3")
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    view.show_job(a_job(stage="a", node="1"), [a_run("a", StageState.POSTING)])
    assert not in_view("a", "1")
    view.fit()
    assert in_view("a", "1")


def test_a_graph_that_is_too_tall_shows_that_it_goes_on(qtbot: QtBot, view: GraphView) -> None:
    assert not view.verticalScrollBar().isVisible()
    view.show_graph(a_graph(*"abcdefghij"))
    qtbot.waitUntil(view.verticalScrollBar().isVisible)
    assert view.choose(("j", "3"))
    assert view.current == ("j", "3")
    assert view.verticalScrollBar().value() > 0
    assert not view.choose(("k", "1"))


def test_the_same_graph_again_keeps_zoom_and_keyboard(qtbot: QtBot, view: GraphView) -> None:
    qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    zoom, current = view.zoom, view.current
    view.show_graph(a_graph("fine", "big"))
    assert (view.zoom, view.current) == (zoom, current)


def test_running_is_drawn_in_the_accent_of_either_theme(view: GraphView, theme: Theme) -> None:
    view.show_job(a_job(stage="fine", node="2"), [a_run("fine", StageState.POSTING)])
    for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):
        theme.choose(choice)
        image = view.grab().toImage()
        seen = {
            image.pixelColor(x, y).name() for x in range(image.width()) for y in range(0, 100, 2)
        }
        assert theme.colour("accent").name() in seen
        assert theme.colour("panel").name() in seen


def test_the_menu_copies_what_a_node_says_and_fits_the_graph(view: GraphView) -> None:
    view.show_job(a_job(), [a_run("fine", StageState.STORED)])
    for _ in range(4):
        view.keyPressEvent(_key(Qt.Key.Key_Plus))
    assert view.zoom > 1.0
    menu = view.menu_at(view.centre_of(("fine", "1")).toPoint())
    assert menu is not None
    entries = {action.text(): action for action in menu.actions()}
    entries["Copy what the node says"].trigger()
    assert QGuiApplication.clipboard().text().startswith("Picture (LoadImage, node 1): done")
    entries["Fit the graph"].trigger()
    assert view.zoom <= 1.0
    menu.close()


def _key(key: Qt.Key) -> QKeyEvent:
    return QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.NoModifier)
