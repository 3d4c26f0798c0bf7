"""A remembered place is used where it can be seen, and mended where it cannot."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize

from ui.frame.placing import place_on, size_on

SMALL = QRect(0, 0, 1366, 768)
BESIDE = QRect(1366, 0, 1920, 1080)


def test_a_size_is_bound_by_the_screen_and_its_frame() -> None:
    assert size_on(QSize(900, 600), SMALL) == QSize(900, 600)
    bound = size_on(QSize(1480, 900), SMALL)
    assert bound.width() < SMALL.width()
    assert bound.height() < SMALL.height()


def test_what_can_be_seen_stays_also_on_two_screens() -> None:
    inside = QRect(100, 100, 900, 600)
    assert place_on(inside, [SMALL]) == inside
    across = QRect(1000, 100, 900, 600)
    assert place_on(across, [SMALL, BESIDE]) == across


def test_what_is_off_every_screen_comes_to_one_that_there_is() -> None:
    gone = QRect(4000, 2500, 1480, 900)
    for wanted in (gone, QRect(1500, 100, 900, 600), QRect(-880, -20, 900, 600)):
        assert SMALL.contains(place_on(wanted, [SMALL]))


def test_it_goes_to_the_screen_that_has_most_of_it() -> None:
    low = QRect(1500, 700, 900, 600)
    placed = place_on(low, [SMALL, BESIDE])
    assert BESIDE.contains(placed)
    assert placed.size() == low.size()
    assert placed.left() == low.left()
