"""One read at a time, and once more for what was asked meanwhile."""

from __future__ import annotations

import asyncio

from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.errors import JigDeskError, RequestError
from tests.ui.conftest import OpenDesk
from ui.reader import Reader


def test_the_newest_that_was_asked_meanwhile_is_read_after_it(desk: OpenDesk, qtbot: QtBot) -> None:
    told: list[object] = []
    reader: Reader[str, int] = Reader(
        desk.bridge,
        lambda key, value: told.append((key, value)),
        lambda key, failure: told.append((key, failure.message)),
    )

    async def a_number(_: Core) -> int:
        await asyncio.sleep(0)
        return 7

    async def broken(_: Core) -> int:
        raise RequestError(503, "unavailable", "Not now.")

    reader.read("first", a_number)
    reader.read("second", a_number)
    reader.read("third", broken)
    reader.read("fourth", broken)
    qtbot.waitUntil(lambda: len(told) == 2)
    assert told == [("first", 7), ("fourth", "Not now.")]
    reader.read("fifth", broken)
    reader.read("sixth", a_number)  # the failure before it keeps nothing from being read
    qtbot.waitUntil(lambda: len(told) == 4)
    assert told[2:] == [("fifth", "Not now."), ("sixth", 7)]


def test_a_bug_ends_the_read_too(desk: OpenDesk, qtbot: QtBot) -> None:
    told: list[object] = []
    reader: Reader[str, int] = Reader(
        desk.bridge,
        lambda key, value: told.append((key, value)),
        lambda key, failure: told.append((key, failure.code)),
    )

    async def wrong(_: Core) -> int:
        raise ZeroDivisionError

    async def a_number(_: Core) -> int:
        return 7

    with qtbot.waitSignal(desk.bridge.bug) as bug:
        reader.read("first", wrong)
        reader.read("second", a_number)
    assert isinstance(bug.args[0], ZeroDivisionError)
    qtbot.waitUntil(lambda: told == [("first", "internal"), ("second", 7)])


def test_a_failure_that_nobody_wants_ends_the_read(desk: OpenDesk, qtbot: QtBot) -> None:
    told: list[int] = []
    reader: Reader[None, int] = Reader(desk.bridge, lambda _, value: told.append(value))

    async def broken(_: Core) -> int:
        raise JigDeskError("unavailable", "Not now.")

    async def a_number(_: Core) -> int:
        return 7

    with qtbot.assertNotEmitted(desk.bridge.failed):
        reader.read(None, broken)
        reader.read(None, a_number)
        qtbot.waitUntil(lambda: told == [7])
