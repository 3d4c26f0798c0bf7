from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.realparts.soketi_server import Soketi, require_soketi


@pytest.fixture
async def soketi() -> AsyncIterator[Soketi]:
    require_soketi()
    server = Soketi()
    await server.start()
    yield server
    await server.kill()
