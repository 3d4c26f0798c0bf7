"""A desk with the tests' own templates beside those that ship."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.integration.desk.conftest import Desk, running_desk

TEMPLATES = Path(__file__).parents[2] / "workflows"


@asynccontextmanager
async def workflow_desk(home: Path, *dirs: Path, **env: str) -> AsyncIterator[Desk]:
    """Start a desk that also has the templates of these folders, or of tests/workflows."""
    listed = json.dumps([str(path) for path in dirs or (TEMPLATES,)])
    async with running_desk(home, JIGDESK_WORKFLOWS__DIRS=listed, **env) as desk:
        yield desk
