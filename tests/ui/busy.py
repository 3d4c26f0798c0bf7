"""A window whose way to the core is full, as when the core hangs for a while."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from tests.ui.conftest import OpenDesk
from ui.bridge import MAX_CALLS


@contextmanager
def busy(desk: OpenDesk, qtbot: QtBot) -> Iterator[None]:
    """Every call within is refused with `WindowBusy`; afterwards none is."""

    async def an_event(_: Core) -> asyncio.Event:
        return asyncio.Event()

    let_go = desk.thread.submit(an_event).result()
    over: list[None] = []

    async def wait(_: Core) -> None:
        await let_go.wait()

    def ended(_: object) -> None:
        over.append(None)

    for _ in range(MAX_CALLS):
        desk.bridge.call(wait, ended, ended)
    try:
        yield
    finally:
        desk.thread.call_soon(let_go.set)
        qtbot.waitUntil(lambda: len(over) == MAX_CALLS)
