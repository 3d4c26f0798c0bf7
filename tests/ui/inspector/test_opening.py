"""Files in the system's own programs, large in the viewer, and on the clipboard."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from tests.ui.inspector.test_inspector import look_at
from tests.ui.jobs import chain, send
from ui import opening
from ui.inspector.panel import FILES, MANIFESTS, Inspector


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What the system was asked to open, instead of opening it."""
    paths: list[Path] = []

    def record(url: QUrl) -> bool:
        paths.append(Path(url.toLocalFile()))
        return True

    monkeypatch.setattr(opening, "opener", record)
    return paths


@pytest.fixture
def inspector(desk: OpenDesk, qtbot: QtBot, tmp_path: Path) -> Inspector:
    """One that looks at a finished job of two stages."""
    job_id = send(desk, chain(steps=1), tmp_path)
    found = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    qtbot.waitUntil(lambda: len(found.overview.thumbs.thumbs) == 3)
    return found


def choose(owner: QWidget, words: str) -> None:
    """Choose an entry of the menu that is open."""
    menus = [menu for menu in owner.findChildren(QMenu) if menu.isVisible()]
    assert len(menus) == 1
    action = next(action for action in menus[0].actions() if action.text() == words)
    action.trigger()
    menus[0].close()


def button_of(owner: QWidget, words: str) -> QPushButton:
    return next(button for button in owner.findChildren(QPushButton) if button.text() == words)


def test_a_result_opens_in_the_system_s_viewer_and_its_folder_is_shown(
    inspector: Inspector, qtbot: QtBot, opened: list[Path]
) -> None:
    *_, thumb = inspector.overview.thumbs.thumbs.values()
    path = thumb.file.path
    thumb.customContextMenuRequested.emit(thumb.rect().center())
    choose(thumb, "Open in the system's viewer")
    qtbot.waitUntil(lambda: opened == [path])
    thumb.customContextMenuRequested.emit(thumb.rect().center())
    choose(thumb, "Show in its folder")
    qtbot.waitUntil(lambda: opened == [path, path.parent])
    path.unlink()  # cleaned away: it comes from the store
    inspector.tabs.setCurrentIndex(FILES)
    files = inspector.files
    row = next(n for n in range(files.model.rowCount()) if files.model.file(n).path == path)
    files.table.selectRow(row)
    place = files.table.visualRect(files.model.index(row, 0)).center()
    files.table.customContextMenuRequested.emit(place)
    choose(files, "Open in the system's viewer")
    qtbot.waitUntil(lambda: opened[2:] == [path])
    assert path.is_file()
    files.folder.click()
    qtbot.waitUntil(lambda: opened[3:] == [path.parent])
    files.table.customContextMenuRequested.emit(place)
    choose(files, "Copy its key")
    assert QGuiApplication.clipboard().text() == thumb.file.key


def test_where_no_program_opens_it_the_place_is_told(
    desk: OpenDesk, inspector: Inspector, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "opener", lambda _url: False)
    inspector.tabs.setCurrentIndex(FILES)
    inspector.files.table.selectRow(0)
    with qtbot.waitSignal(desk.bridge.failed) as failed:
        inspector.files.folder.click()
    assert str(inspector.files.model.file(0).path.parent) in failed.args[0]


def test_the_viewer_fits_a_picture_shows_its_pixels_and_hands_it_on(
    inspector: Inspector, qtbot: QtBot, opened: list[Path]
) -> None:
    first, *_ = inspector.overview.thumbs.thumbs.values()
    first.click()
    viewer = inspector.viewer
    assert viewer is not None
    canvas = viewer.canvas
    qtbot.waitUntil(lambda: canvas.scale != 1.0)
    fitting = canvas.scale
    button_of(viewer, "100 %").click()
    assert canvas.scale == 1.0
    button_of(viewer, "Fit").click()
    assert canvas.scale == fitting
    button_of(viewer, "Open in the system's viewer").click()
    qtbot.waitUntil(lambda: opened == [first.file.path])
    viewer.close()
    qtbot.waitUntil(lambda: inspector.viewer is None)


def test_a_manifest_is_copied_as_it_is(inspector: Inspector, qtbot: QtBot) -> None:
    inspector.tabs.setCurrentIndex(MANIFESTS)
    manifests = inspector.manifests
    qtbot.waitUntil(lambda: manifests.choice.findText("request.json") >= 0)
    manifests.choice.setCurrentText("request.json")
    button_of(manifests, "Copy").click()
    copied = json.loads(QGuiApplication.clipboard().text())
    assert [stage["name"] for stage in copied["stages"]] == ["fine", "big"]
