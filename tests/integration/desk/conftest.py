"""A whole desk in this process: real journal, local store, demo engine, listeners."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from jigdesk.app import Core, open_core
from jigdesk.domain.job import Job
from jigdesk.settings import load_settings
from tests.harness.browser import Browser
from tests.harness.waiting import PATIENCE_S


@dataclass
class Desk:
    """A running core with a browser in front of it."""

    core: Core
    browser: Browser
    home: Path

    @property
    def bucket(self) -> Path:
        """The local store's objects as files."""
        return self.home / "store" / "jig-react"

    def document(self, key: str) -> dict[str, Any]:
        """A JSON object of the store."""
        return dict(json.loads((self.bucket / key).read_text()))

    def files_of(self, job_id: str) -> set[str]:
        """Every key of a job."""
        return {
            path.relative_to(self.bucket).as_posix()
            for path in self.bucket.rglob("*")
            if path.is_file() and job_id in path.as_posix()
        }

    async def settled(self) -> None:
        """Wait until the store has everything that the journal owes it."""
        while (await self.core.journal.outbox_lag())[0]:  # noqa: ASYNC110 - no event says so
            await asyncio.sleep(0.01)

    async def reached(self, job_id: str, *statuses: str) -> Job:
        """Wait until the job is in one of these, however briefly; returns its row then."""
        met: asyncio.Future[Job] = asyncio.get_running_loop().create_future()

        def look(_: object, jobs: Sequence[Job]) -> None:
            for job in jobs:
                if (job.job_id, job.status in statuses, met.done()) == (job_id, True, False):
                    met.set_result(job)

        unsubscribe = self.core.journal.subscribe(look)
        try:
            job = await self.core.journal.job(job_id)
            if job is not None and job.status in statuses:
                return job
            async with asyncio.timeout(PATIENCE_S):
                return await met
        finally:
            unsubscribe()


@asynccontextmanager
async def running_desk(home: Path, **env: str) -> AsyncIterator[Desk]:
    """Start a desk with its home at `home`; `env` adds settings."""
    settings = load_settings(
        {
            "JIGDESK_HOME": str(home),
            "JIGDESK_COMFYUI__PORT": "0",
            "JIGDESK_SERVER__PUBLIC_PORT": "0",
            "JIGDESK_SERVER__LOCAL_PORT": "0",
            **env,
        }
    )
    async with open_core(settings) as core, aiohttp.ClientSession() as http:
        yield Desk(core, Browser(http, core.local_url), home)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with running_desk(tmp_path / "home") as running:
        yield running
