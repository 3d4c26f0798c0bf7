"""What all tests share: a home of their own, free ports, and nothing left running."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.harness import ports

ENDS_WITHIN_S = 30.0
"""For what was told to end; nothing is waited for once it has."""


def pytest_configure() -> None:
    """No property fails because its examples came slowly; on CI they stay the same each time."""
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile(
        "any machine", hypothesis.settings(), deadline=None, suppress_health_check=slow
    )
    hypothesis.settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, secret, keyring or system bus of this machine reaches a test."""
    for name in os.environ:
        if name.startswith("JIGDESK_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/jigdesk-tests")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for `JIGDESK_HOME`."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives loopback ports that are free now and stay so, for a server that starts later."""
    return ports.free_port


@pytest.fixture(autouse=True)
def _no_dangling_threads() -> Iterator[None]:
    """A test fails when a thread that it started, and that would keep Python alive, goes on."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + ENDS_WITHIN_S
    while left := [t for t in threading.enumerate() if _dangles(t) and t not in before]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads still run: {', '.join(t.name for t in left)}")
        left[0].join(0.05)


def _dangles(thread: threading.Thread) -> bool:
    # a loop's default executor is shut down with the loop, which pytest-asyncio keeps a while
    return not thread.daemon and not thread.name.startswith("asyncio_")


@pytest.fixture(autouse=True)
def _no_dangling_tasks(request: pytest.FixtureRequest) -> None:
    """An async test fails when tasks that it started still run at its end."""
    if asyncio.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("_tasks_of_this_test_end")


@pytest.fixture
async def _tasks_of_this_test_end() -> AsyncIterator[None]:
    ours = asyncio.all_tasks()
    yield
    deadline = time.monotonic() + ENDS_WITHIN_S  # what was cancelled needs some turns to end
    while left := [t for t in asyncio.all_tasks() - ours if t is not asyncio.current_task()]:
        if time.monotonic() > deadline:
            pytest.fail(f"tasks still run: {', '.join(t.get_name() for t in left)}")
        await asyncio.sleep(0.01)
