"""The outbox of the store while the journal cannot be used."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from jigdesk.domain import keys
from jigdesk.domain.changes import Arrival, Change
from jigdesk.ports import Journal
from jigdesk.services.changes import STATUS
from jigdesk.services.outbox import StoreOutbox
from tests.fakes.lambda_parts import JOB
from tests.fakes.store_desk import StoreDesk, store_desk
from tests.fakes.troubled_journal import TroubledJournal
from tests.harness.waiting import PATIENCE_S


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[StoreDesk]:
    async with store_desk(tmp_path) as made:
        yield made


@pytest.mark.parametrize("operation", ["outbox", "outbox_done"])
async def test_it_goes_on_once_the_journal_can_be_used_again(
    desk: StoreDesk, operation: str
) -> None:
    journal = TroubledJournal(desk.journal)
    journal.failures[operation] = 1
    outbox = StoreOutbox(cast(Journal, journal), desk.store, desk.claims, desk.clock)
    change = Change(outbox=(STATUS,))
    await desk.journal.accept(Arrival(JOB, "jig-react", None), change)
    running = asyncio.create_task(outbox.run())
    flushing = asyncio.create_task(outbox.flush())
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.wait([running, flushing], return_when=asyncio.FIRST_COMPLETED)
    flushing.cancel()
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])
    assert desk.document(keys.status_key(JOB))["status"] == "accepted"
