"""A second start finds the first one's window wherever temporary files lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from ui.single import SingleInstance, raise_other


def test_the_first_is_raised_where_the_folder_for_temporary_files_lies_deep(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 30)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    single = SingleInstance(tmp_path)
    try:
        with qtbot.waitSignal(single.asked):
            assert raise_other(tmp_path)
        assert not raise_other(tmp_path / "elsewhere")
    finally:
        single.close()
    assert not raise_other(tmp_path)
