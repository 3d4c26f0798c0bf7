"""`doctor --bundle` of a home that is not as it should be: that is what the bundle is for."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from jigdesk.commands.bundle import write_bundle
from jigdesk.settings import load_settings


def bundled(home: Path) -> dict[str, str]:
    path = home / "bundle.zip"
    count = write_bundle(path, load_settings({"JIGDESK_HOME": str(home)}), [])
    with zipfile.ZipFile(path) as bundle:
        assert len(bundle.namelist()) == count
        return {name: bundle.read(name).decode() for name in bundle.namelist()}


def test_a_log_that_cannot_be_read_says_so_and_hides_no_other(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    (logs / "engine.log").mkdir(parents=True)
    (logs / "jigdesk.log").write_text("a line\n")
    texts = bundled(tmp_path)
    assert texts["logs/jigdesk.log"] == "a line\n"
    assert texts["logs/engine.log"] == "(cannot be read: Is a directory)\n"


def test_a_package_that_was_half_removed_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / "~umpy-2.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert "aiohttp" in json.loads(bundled(tmp_path)["versions.json"])["packages"]
