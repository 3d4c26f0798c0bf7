"""Every test here knows a desk by HTTP, files, commands and the environment alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.harness.browser import Browser
from tests.harness.serving import SLOW_STEPS, Serving, serving


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One desk in default settings for a module of tests."""
    with serving(tmp_path_factory.mktemp("desk") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def slow_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One whose `refine` takes a second a step: a job of 100 steps runs until it is cancelled."""
    with serving(tmp_path_factory.mktemp("slow") / "home", SLOW_STEPS) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def browser(http: aiohttp.ClientSession, desk: Serving) -> Browser:
    """A visitor of the module's desk."""
    return Browser(http, desk.local_url)


@pytest.fixture
def patient(http: aiohttp.ClientSession, slow_desk: Serving) -> Browser:
    """A visitor of the desk whose jobs take long."""
    return Browser(http, slow_desk.local_url)
