"""The filters' row: what has no room goes into a menu, and what is not kept is said."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from pytestqt.qtbot import QtBot

from ui.memory import Memory
from ui.queue.chips import Chips
from ui.queue.filters import BUILT_IN, MAX_NAME, MAX_SAVED
from ui.theme.theme import Theme


@pytest.fixture
def chips(qtbot: QtBot, theme: Theme, memory: Memory) -> Iterator[Chips]:
    row = Chips(memory)
    qtbot.addWidget(row)
    row.resize(1300, 24)
    row.show()
    yield row
    row.hide()


def fill(chips: Chips, count: int) -> list[str]:
    names = [f"{number} {'of the filters that I need each day'}" for number in range(count)]
    for name in names:
        chips.show_text("blur")
        chips.save(name)
    chips.show_text("")
    return names


def in_row(chips: Chips) -> list[str]:
    return [name for name, button in chips._buttons.items() if button.isVisible()]


@pytest.mark.parametrize("width", [1300, 790, 500])
def test_nothing_overlaps_and_the_rest_is_in_the_menu(chips: Chips, width: int) -> None:
    names = fill(chips, MAX_SAVED)
    chips.resize(width, 24)
    chips._row.activate()
    parts = [chips._buttons[name] for name in in_row(chips)] + [chips._more]
    places = sorted((part.geometry() for part in parts), key=lambda place: place.left())
    assert all(a.right() < b.left() for a, b in pairwise(places))
    assert places[-1].right() <= width
    left_out = [item.name for item in chips.left_out]
    assert left_out
    assert set(in_row(chips)) | set(left_out) == {item.name for item in BUILT_IN} | set(names)
    assert chips.minimumSizeHint().width() < 100  # the window may be as narrow as it likes


def test_a_filter_of_the_menu_comes_into_the_row_when_it_is_chosen(
    qtbot: QtBot, chips: Chips
) -> None:
    fill(chips, MAX_SAVED)
    chips.choose("All")
    chips.resize(790, 24)
    wanted = chips.left_out[-1].name
    menu = chips.more_menu()
    with qtbot.waitSignal(chips.chosen):
        next(action for action in menu.actions() if action.text() == wanted).trigger()
    menu.close()
    assert chips.current.name == wanted
    assert wanted in in_row(chips)


def test_where_there_is_room_there_is_no_menu(chips: Chips) -> None:
    fill(chips, 2)
    assert not chips.left_out
    assert not chips._more.isVisible()


def test_a_long_name_is_cut_and_whole_in_the_tooltip(chips: Chips) -> None:
    name = "W" * MAX_NAME
    chips.save(name)
    button = chips._buttons[name]
    assert button.text().endswith("…")
    assert name in button.toolTip()
    assert name in button.accessibleName()


def test_what_is_not_kept_is_said(qtbot: QtBot, chips: Chips) -> None:
    with qtbot.waitSignal(chips.refused) as refused:
        chips.save("today")
    assert "one of the desk's own filters" in refused.args[0]
    names = fill(chips, MAX_SAVED)
    with qtbot.waitSignal(chips.refused) as refused:
        chips.save("one too many")
    assert "Remove one first" in refused.args[0]
    kept = [item.name for item in chips.filters[len(BUILT_IN) :]]
    assert kept == names
    chips.save(names[0])  # replaces its own
    assert sorted(item.name for item in chips.filters[len(BUILT_IN) :]) == sorted(names)


def test_a_filter_is_removed_by_its_menu(qtbot: QtBot, chips: Chips) -> None:
    name = fill(chips, 1)[0]
    assert chips.current.name == name
    menu = chips.removal_menu(name)
    with qtbot.waitSignal(chips.chosen):
        menu.actions()[0].trigger()
    menu.close()
    assert name not in chips._buttons
    assert chips.current.name == "All"
