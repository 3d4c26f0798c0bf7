"""Who hears of a beat: in order, as long as they live, and whatever others do."""

from __future__ import annotations

import gc
import sys

import pytest
from PySide6.QtCore import QObject
from shiboken6 import delete

from ui.hearing import Hearing


class Listener(QObject):
    """Writes down what it hears."""

    def __init__(self, into: list[tuple[str, int]], name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self._into = into

    def hear(self, value: int) -> None:
        """One more."""
        self._into.append((self.objectName(), value))


def test_all_hear_in_the_order_in_which_they_came() -> None:
    heard: list[tuple[str, int]] = []
    hearing: Hearing[int] = Hearing()
    first = Listener(heard, "first")
    hearing.connect(first.hear)
    hearing.connect(lambda value: heard.append(("second", value)))
    hearing.emit(1)
    hearing.emit(2)
    assert heard == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_who_is_deleted_hears_no_more_though_python_still_knows_it() -> None:
    heard: list[tuple[str, int]] = []
    hearing: Hearing[int] = Hearing()
    gone, stays = Listener(heard, "gone"), Listener(heard, "stays")
    hearing.connect(gone.hear)
    hearing.connect(stays.hear)
    delete(gone)
    hearing.emit(1)
    assert heard == [("stays", 1)]


def test_nobody_is_kept_alive() -> None:
    heard: list[tuple[str, int]] = []
    hearing: Hearing[int] = Hearing()
    hearing.connect(Listener(heard, "short-lived").hear)
    gc.collect()
    hearing.emit(1)
    assert heard == []


def test_what_one_raises_is_told_and_the_others_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *_: told.append(kind))
    hearing: Hearing[int] = Hearing()

    def fails(_: int) -> None:
        raise ZeroDivisionError

    hearing.connect(fails)
    hearing.connect(heard.append)
    hearing.emit(7)
    assert told == [ZeroDivisionError]
    assert heard == [7]


def test_one_that_comes_in_between_hears_the_next() -> None:
    heard: list[int] = []
    hearing: Hearing[int] = Hearing()

    def invite(value: int) -> None:
        if value == 1:
            hearing.connect(heard.append)

    hearing.connect(invite)
    hearing.emit(1)
    hearing.emit(2)
    assert heard == [2]
