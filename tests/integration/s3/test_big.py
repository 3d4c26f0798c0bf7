"""A gigabyte goes up and comes back, and the desk's memory stays where it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.serving import ROOT, environment
from tests.integration.s3.cloud import Bucket
from tests.integration.s3.conftest import s3_env
from tests.realparts.seaweedfs import Seaweed

GIB = 1 << 30
MIB = 1 << 20


@pytest.mark.big
@pytest.mark.skipif(sys.platform == "win32", reason="there is no getrusage")
def test_a_gigabyte_with_flat_memory(tmp_path: Path, seaweed: Seaweed, bucket: Bucket) -> None:
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("big_transfer.py")), str(tmp_path), str(GIB)],
        env=environment(tmp_path, s3_env(seaweed)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    peaks = json.loads(ended.stdout)
    # 64 MiB have four parts under way already; sixteen times as much needs hardly more
    assert peaks["big"] - peaks["small"] < 48 * MIB, peaks
