"""The workflows are listed with what they take, and with why one cannot run."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from tests.ui.busy import busy
from tests.ui.conftest import OpenDesk
from ui.theme.theme import Theme
from ui.workflows.page import LIST_PX, WorkflowsPage
from ui.workflows.reading import param_words


def words_of(page: WorkflowsPage) -> str:
    return "\n".join(item.text() for item in page.details.widget().findChildren(QLabel))


def titles(page: WorkflowsPage) -> list[str]:
    return [page.list.item(row).text() for row in range(page.list.count())]


def test_every_shipped_workflow_is_there_with_its_parameters(qtbot: QtBot, desk: OpenDesk) -> None:
    page = desk.window.page_of("workflows", WorkflowsPage)
    qtbot.waitUntil(lambda: "Refine" in titles(page))
    page.list.setCurrentRow(titles(page).index("Refine"))
    assert "integer, 1 to 100, 12 when left out" in words_of(page)
    assert page.list.count() == len(desk.core.templates.catalogue.templates)


def test_one_that_loses_its_nodes_says_why_and_comes_back(qtbot: QtBot, desk: OpenDesk) -> None:
    page = desk.window.page_of("workflows", WorkflowsPage)

    async def nothing_there(core: Core) -> None:
        await core.templates.check({})

    qtbot.waitUntil(lambda: desk.core.templates.available.get("txt2img") is None)
    desk.bridge.call(nothing_there)
    qtbot.waitUntil(
        lambda: (
            "Blur" in titles(page)
            and "Can run" not in page.list.item(titles(page).index("Blur")).toolTip()
        )
    )
    page.list.setCurrentRow(titles(page).index("Blur"))
    assert "It cannot run now" in words_of(page)
    for node in ("LoadImage", "ImageBlur", "SaveImage"):
        assert f"'{node}'" in words_of(page)
    assert "more.)" not in words_of(page)


def test_long_titles_and_names_are_cut_and_the_list_does_not_scroll_sideways(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    page = desk.window.page_of("workflows", WorkflowsPage)
    desk.window.show_page("workflows")
    qtbot.waitUntil(lambda: "Refine" in titles(page))
    page.list.item(0).setText("A title " * 40)
    desk.window.resize(820, 600)
    qtbot.waitUntil(lambda: page.list.width() < LIST_PX)
    assert page.list.horizontalScrollBar().maximum() == 0
    assert page.details.width() > page.list.width()


def test_a_page_that_cannot_be_read_says_so_and_is_read_again(
    qtbot: QtBot, desk: OpenDesk, theme: Theme
) -> None:
    with busy(desk, qtbot):
        page = WorkflowsPage(desk.bridge, theme)
        qtbot.addWidget(page)
        page.show()
        assert page.empty.title.text() == "The workflows cannot be read"
    page.empty.button.click()
    assert page.empty.title.text() == "Reading the workflows"
    qtbot.waitUntil(lambda: page.list.isVisible() and page.list.count() > 0)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"type": "integer", "minimum": 1, "maximum": 31, "default": 3},
            "integer, 1 to 31, 3 when left out",
        ),
        ({"enum": ["a", "b"], "default": "a"}, "one of a, b, “a” when left out"),
        ({"enum": []}, "none to choose from"),
        ({"enum": [str(n) for n in range(9)]}, "one of 0, 1, 2, 3, 4, 5 and 3 more"),
        (
            {"type": "integer", "format": "seed"},
            "seed, drawn at random when left out",
        ),
        ({"type": "boolean", "default": True}, "boolean, on when left out"),
        ({"type": "number", "minimum": 0.5}, "number, at least 0.5"),
    ],
)
def test_parameters_in_words(spec: dict[str, object], said: str) -> None:
    assert param_words(spec) == said
