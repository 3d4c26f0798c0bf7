"""What all tests share: a home of their own, free ports, and nothing left running."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

THREADS_END_WITHIN_S = 5.0


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, secret or keyring of this machine reaches a test."""
    for name in os.environ:
        if name.startswith("JIGDESK_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty folder for `JIGDESK_HOME`."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a loopback port that is free now, below 50000."""

    def find() -> int:
        while True:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = int(probe.getsockname()[1])
            if port < 50_000:
                return port

    return find


@pytest.fixture(autouse=True)
def _no_dangling_threads() -> Iterator[None]:
    """A test fails when a thread that it started, and that would keep Python alive, goes on."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREADS_END_WITHIN_S
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
    for _ in range(100):  # what was cancelled needs some turns of the loop to end
        left = [t for t in asyncio.all_tasks() - ours if t is not asyncio.current_task()]
        if not left:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"tasks still run: {', '.join(t.get_name() for t in left)}")
