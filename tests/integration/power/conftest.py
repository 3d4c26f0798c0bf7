"""A bus with a logind on it, which every desk of a test takes for the system's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.logind import FakeLogind
from tests.realparts.system_bus import system_bus


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with system_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


@pytest.fixture
def logind(bus: str) -> Iterator[FakeLogind]:
    fake = FakeLogind(bus)
    with fake.running():
        yield fake
