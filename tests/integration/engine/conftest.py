"""The whole desk of `tests.integration.desk`, for tests of its engine and its machine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.desk.conftest import Desk, running_desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with running_desk(tmp_path / "home") as running:
        yield running
