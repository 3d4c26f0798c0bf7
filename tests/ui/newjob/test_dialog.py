"""A job from the window, through the doors that everybody uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDoubleSpinBox, QPushButton, QScrollArea
from pytestqt.qtbot import QtBot

from jigdesk.app.own_jobs import own_client_id
from jigdesk.demo.sample import sample_png
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from ui.elided import ElidedLabel
from ui.inspector.panel import Inspector
from ui.newjob.dialog import SIZE, NewJobDialog, size_within

PATIENCE_MS = 180_000


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(sample_png())
    return path


@pytest.fixture
def dialog(desk: OpenDesk, qtbot: QtBot) -> NewJobDialog:
    desk.window.show_page("queue")
    button = next(b for b in desk.page.findChildren(QPushButton) if b.text().strip() == "New job")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    found = desk.window.findChild(NewJobDialog)
    assert found is not None
    return found


def test_another_workflow_before_keeps_what_was_filled_in_after_it(
    dialog: NewJobDialog, picture: Path
) -> None:
    dialog.forms[0].choose("blur")
    dialog.forms[0].files["image"].take(picture)
    second = dialog.append("upscale")
    scale = second.params["scale"].editor
    assert isinstance(scale, QDoubleSpinBox)
    scale.setValue(3.5)
    dialog.forms[0].choose("invert")
    assert second.draft.params["scale"] == 3.5
    dialog.reject()


def test_a_chain_is_sent_run_and_looked_at(
    desk: OpenDesk, dialog: NewJobDialog, qtbot: QtBot, picture: Path
) -> None:
    assert not dialog.send.isEnabled()
    dialog.forms[0].choose("blur")
    dialog.forms[0].files["image"].take(picture)
    assert dialog.words == "Blur on photo.png (radius 3)"
    dialog.append("upscale")
    sent: list[str] = []
    dialog.sent.connect(sent.append)
    dialog.send.click()
    qtbot.waitUntil(lambda: bool(sent), timeout=PATIENCE_MS)
    inspector = desk.window.need_inspector()
    assert isinstance(inspector, Inspector)
    assert inspector.job_id == sent[0]
    qtbot.waitUntil(
        lambda: inspector.story is not None and inspector.story.job.status is JobStatus.COMPLETED,
        timeout=PATIENCE_MS,
    )
    assert inspector.isVisible()
    assert inspector.story is not None
    own = own_client_id(desk.core.settings.paths)
    assert inspector.story.job.owner_id == f"client:{own}"
    assert inspector.story.job.workflow == "blur → upscale"
    qtbot.waitUntil(lambda: desk.page.selected.ids == (sent[0],))


def test_a_stage_taken_away_is_not_sent(dialog: NewJobDialog, qtbot: QtBot, picture: Path) -> None:
    first = dialog.forms[0]
    first.choose("blur")
    first.files["image"].take(picture)
    second = dialog.append("upscale")
    assert first.number.text() == "Stage 1"
    assert len(dialog.drafts) == 2
    second.remove.click()
    assert first.number.text() == "Workflow"
    assert dialog.words == "Blur on photo.png (radius 3)"
    dialog.reject()


def test_what_is_refused_is_said_and_can_be_mended(
    dialog: NewJobDialog, qtbot: QtBot, picture: Path
) -> None:
    gone = picture.with_name("gone.png")
    dialog.forms[0].choose("blur")
    dialog.forms[0].files["image"].take(gone)
    dialog.send.click()
    qtbot.waitUntil(lambda: bool(dialog.problem))
    assert "gone.png cannot be read" in dialog.problem
    assert dialog.send.isEnabled()
    assert dialog.isVisible()
    dialog.forms[0].files["image"].take(picture)
    assert dialog.problem == ""
    dialog.reject()
    assert not dialog.isVisible()


def test_another_workflow_before_keeps_the_files_after(dialog: NewJobDialog, picture: Path) -> None:
    dialog.forms[0].choose("blur")
    dialog.forms[0].files["image"].take(picture)
    second = dialog.append("blur")
    second.files["image"].take(picture)
    dialog.forms[0].choose("invert")
    assert second.files["image"].path == picture
    dialog.reject()


def test_enter_in_a_field_sends_nothing_and_with_ctrl_sends_the_job(
    desk: OpenDesk, dialog: NewJobDialog, qtbot: QtBot, picture: Path
) -> None:
    sent: list[str] = []
    dialog.sent.connect(sent.append)
    dialog.forms[0].choose("blur")
    dialog.forms[0].files["image"].take(picture)
    radius = dialog.forms[0].params["radius"].editor
    radius.setFocus()
    with qtbot.assertNotEmitted(dialog.send.clicked):
        qtbot.keyClick(radius, Qt.Key.Key_Return)
        qtbot.keyClick(radius, Qt.Key.Key_Enter)
        qtbot.keyClick(dialog.forms[0].workflow, Qt.Key.Key_Return)
    assert dialog.isVisible()
    qtbot.keyClick(radius, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: len(sent) == 1, timeout=PATIENCE_MS)


def test_long_names_are_cut_in_the_middle_and_nothing_leaves_the_dialog(
    dialog: NewJobDialog, qtbot: QtBot, picture: Path
) -> None:
    long = picture.rename(picture.with_name("a_photo_of_" + "nearly_" * 20 + "nothing.png"))
    form = dialog.forms[0]
    form.choose("blur")
    form.files["image"].take(long)
    name = next(part for part in form.findChildren(ElidedLabel) if part.whole == long.name)
    qtbot.waitUntil(lambda: "…" in name.text() and name.text().endswith("ing.png"))
    assert name.text().startswith("a_photo")
    assert name.toolTip() == str(long)
    area = dialog.findChild(QScrollArea)
    assert area is not None
    qtbot.waitUntil(lambda: area.widget().width() <= area.viewport().width())
    assert dialog.width() == SIZE.width()
    dialog.reject()


def test_it_fits_on_a_small_screen() -> None:
    assert size_within(QSize(1920, 1080)) == SIZE
    assert size_within(QSize(1366, 600)).height() < 600
