"""The settings page over a real core: it follows the model, and writes what is right."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QLabel, QLineEdit, QToolButton
from pytestqt.qtbot import QtBot

from jigdesk.settings.draft import Origin
from jigdesk.settings.fields import fields
from tests.ui.conftest import OpenDesk
from ui.settings.cards import SectionCard
from ui.settings.editors import ChoiceEditor, PathEditor, SwitchEditor, TextEditor
from ui.settings.list_editor import ListEditor
from ui.settings.page import SettingsPage
from ui.settings.row import SettingRow
from ui.theme.theme import ThemeChoice

WITHIN_MS = 60_000
SECRET = "hunter2222"


@pytest.fixture
def config(origin: Origin) -> Path:
    path = Path(origin.env["JIGDESK_HOME"]) / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("# mine\n[queue] # here\nmax_depth = 250\n")
    return path


@pytest.fixture
def page(qtbot: QtBot, config: Path, desk: OpenDesk) -> SettingsPage:
    found = desk.window.page_of("settings", SettingsPage)
    desk.window.show_page("settings")
    qtbot.waitUntil(lambda: found.form.survey is not None, timeout=WITHIN_MS)
    return found


def row(page: SettingsPage, key: str) -> SettingRow:
    page.show_key(key)
    card = page._cards[fields()[key].section]
    assert isinstance(card, SectionCard)
    return card.rows[key]


def typed(page: SettingsPage, key: str, text: str) -> SettingRow:
    found = row(page, key)
    assert isinstance(found.editor, TextEditor | PathEditor)
    found.editor.line.setText(text)
    found.editor.line.textEdited.emit(text)
    return found


def checked(qtbot: QtBot, page: SettingsPage, *keys: str) -> None:
    qtbot.waitUntil(lambda: set(page.form.problems) == set(keys), timeout=WITHIN_MS)


def saved(qtbot: QtBot, page: SettingsPage) -> None:
    with qtbot.waitSignal(page.form.saved, timeout=WITHIN_MS):
        page.bar.save_button.click()


def test_every_key_of_the_model_has_a_row_of_its_kind(page: SettingsPage) -> None:
    seen = []
    for section in page._sections:
        page.show_section(section)
        seen += page.shown
    assert seen == [key for key in fields() if "." in key] + ["secrets_dir"]
    kinds = {
        "store.kind": ChoiceEditor,
        "publisher.ssl": SwitchEditor,
        "queue.max_depth": TextEditor,
        "store.local_dir": PathEditor,
        "server.allowed_origins": ListEditor,
    }
    for key, kind in kinds.items():
        assert isinstance(row(page, key).editor, kind)
    assert row(page, "publisher.secret").secret is not None


def test_each_value_says_where_it_stands(page: SettingsPage) -> None:
    assert "config.toml" in row(page, "queue.max_depth").source.text()
    assert "From 1 up to 1,000,000" in row(page, "queue.max_depth").source.text()
    assert "Default" in row(page, "queue.concurrency").source.text()
    fixed = row(page, "server.public_port")
    assert "command line" in fixed.source.text()
    assert fixed.editor is not None
    assert not fixed.editor.isEnabled()


def test_a_search_finds_keys_in_every_section_or_says_that_there_are_none(
    page: SettingsPage,
) -> None:
    page.show_section("queue")
    page.search.setText("timeout job")
    assert page.shown == ("comfyui.job_timeout_s",)
    page.search.setText("JIGDESK_QUEUE__MAX_DEPTH")
    assert page.shown == ("queue.max_depth",)
    page.search.setText("no such thing")
    assert page.shown == ()
    assert page.empty.isVisible()
    page.search.clear()
    assert "queue.max_depth" in page.shown


def test_all_that_is_wrong_is_said_at_its_field_and_nothing_is_written(
    qtbot: QtBot, page: SettingsPage, config: Path
) -> None:
    before = config.read_text()
    depth = typed(page, "queue.max_depth", "0")
    bucket = typed(page, "store.bucket", "NOT A BUCKET")
    checked(qtbot, page, "queue.max_depth", "store.bucket")
    assert "from 1 up to 1,000,000" in depth.error.text()
    assert "lowercase letters" in bucket.error.text()
    with qtbot.waitSignal(page.form.refused, timeout=WITHIN_MS):
        page.bar.save_button.click()
    assert config.read_text() == before
    assert page.list.currentItem().text().startswith("Store")  # where the first one is
    page._discard()
    checked(qtbot, page)
    assert page.form.text(fields()["queue.max_depth"]) == "250"


def test_a_change_is_saved_with_its_comments_and_waits_for_the_core(
    qtbot: QtBot, page: SettingsPage, config: Path
) -> None:
    typed(page, "queue.max_depth", "300")
    origins = row(page, "server.allowed_origins").editor
    assert isinstance(origins, ListEditor)
    origins.add.click()
    line = origins.lines[0].findChild(QLineEdit)
    assert line is not None
    qtbot.keyClicks(line, "https://www.example.com")
    switch = row(page, "publisher.ssl").editor
    assert isinstance(switch, SwitchEditor)
    switch.switch.click()
    assert page.bar.words.text().startswith("3 changes")
    saved(qtbot, page)
    assert config.read_text().startswith("# mine\n[queue] # here\n")
    written = tomllib.loads(config.read_text())
    assert written["queue"]["max_depth"] == 300
    assert written["server"]["allowed_origins"] == ["https://www.example.com"]
    assert written["publisher"]["ssl"] is False
    assert set(page.form.waiting) == {
        "queue.max_depth",
        "server.allowed_origins",
        "publisher.ssl",
    }
    assert page.waiting.isVisible()
    assert not page.form.changes


def test_a_value_goes_back_to_the_default(qtbot: QtBot, page: SettingsPage, config: Path) -> None:
    found = row(page, "queue.max_depth")
    found.reset.click()
    assert isinstance(found.editor, TextEditor)
    assert found.editor.line.text() == "1000"
    assert "Back to the default" in found.source.text()
    found.undo.click()
    assert found.editor.line.text() == "250"
    found.reset.click()
    saved(qtbot, page)
    assert "max_depth" not in config.read_text()


def test_a_secret_is_kept_and_never_shown(qtbot: QtBot, page: SettingsPage, config: Path) -> None:
    found = row(page, "tunnel.authtoken")
    assert found.secret is not None
    assert found.secret.words.text() == "Not set"
    qtbot.keyClicks(found.secret.line, SECRET)
    assert found.secret.line.displayText() != SECRET
    saved(qtbot, page)
    path = config.parent / "secrets" / "tunnel__authtoken"
    assert path.read_text().strip() == SECRET
    assert SECRET not in config.read_text()
    assert found.secret.words.text().startswith("Set · file")
    assert found.secret.line.text() == ""
    everything = [label.text() for label in page.findChildren(QLabel)]
    everything += [line.text() for line in page.findChildren(QLineEdit)]
    assert SECRET not in "\n".join(everything)
    found.secret.remove.click()
    assert "removed when you save" in found.secret.words.text()
    saved(qtbot, page)
    assert not path.exists()


def test_a_secret_that_is_needed_is_asked_for_at_its_field(
    qtbot: QtBot, page: SettingsPage
) -> None:
    kind = row(page, "publisher.kind").editor
    assert isinstance(kind, ChoiceEditor)
    assert kind.segments is not None
    kind.segments.buttons["pusher"].click()
    for key, text in (("app_id", "1"), ("key", "k"), ("cluster", "eu")):
        typed(page, f"publisher.{key}", text)
    checked(qtbot, page, "publisher.secret")
    found = row(page, "publisher.secret")
    assert found.error.text() == 'Secret is needed with publisher.kind = "pusher"'
    assert found.secret is not None
    qtbot.keyClicks(found.secret.line, SECRET)
    checked(qtbot, page)


def test_the_limits_follow_the_store_that_is_chosen(page: SettingsPage) -> None:
    limit = row(page, "limits.owner_open_jobs").editor
    kind = row(page, "store.kind").editor
    assert isinstance(limit, TextEditor)
    assert isinstance(kind, ChoiceEditor)
    assert kind.segments is not None
    kind.segments.buttons["s3"].click()
    assert limit.line.text() == "10"
    kind.segments.buttons["local"].click()
    assert limit.line.text() == "0"


def test_a_file_that_is_broken_meanwhile_is_said_and_not_touched(
    qtbot: QtBot, page: SettingsPage, config: Path
) -> None:
    config.write_text("[queue\n")
    page.form.load()
    qtbot.waitUntil(page.strange.isVisible, timeout=WITHIN_MS)
    assert "is not TOML" in page.strange.words.text()
    assert config.read_text() == "[queue\n"


def test_what_the_form_shows_is_tried_before_it_is_saved(
    qtbot: QtBot, desk: OpenDesk, page: SettingsPage, config: Path
) -> None:
    before = config.read_text()
    kind = row(page, "tunnel.kind").editor
    assert isinstance(kind, ChoiceEditor)
    assert kind.segments is not None
    kind.segments.buttons["static"].click()
    typed(page, "tunnel.public_url", desk.core.public_url_local)
    card = page._cards["tunnel"]
    assert isinstance(card, SectionCard)
    trial = card.trial
    assert trial is not None
    trial.button.click()
    qtbot.waitUntil(lambda: bool(trial.checks), timeout=WITHIN_MS)
    assert [check.level for check in trial.checks] == ["ok"]
    typed(page, "tunnel.public_url", "nonsense")
    assert "have changed" in trial.head.text()
    trial.button.click()
    qtbot.waitUntil(lambda: bool(trial.checks), timeout=WITHIN_MS)
    assert "tunnel.public_url" in trial.checks[0].remedy
    assert config.read_text() == before


class Browser(QObject):
    """Stands for the file dialog: the same words, and a folder at once."""

    fileSelected = Signal(str)  # noqa: N815 - Qt's name
    finished = Signal(int)

    def __init__(self, *_: Any) -> None:
        super().__init__()

    def setFileMode(self, mode: QFileDialog.FileMode) -> None:  # noqa: N802 - Qt's name
        assert mode is QFileDialog.FileMode.Directory

    def open(self) -> None:
        self.fileSelected.emit("/srv/picked")


def test_a_folder_is_browsed_for(page: SettingsPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PathEditor, "dialog_class", Browser)
    found = row(page, "workflows.dirs").editor
    assert isinstance(found, ListEditor)
    found.add.click()
    line = found.lines[0]
    assert isinstance(line, PathEditor)
    remove = line.findChild(QToolButton, "remove")
    assert remove is not None
    assert remove.accessibleName() == f"Remove {line.target.accessibleName()}"
    line.browse.click()
    assert json.loads(page.form.text(fields()["workflows.dirs"])) == ["/srv/picked"]


def test_the_theme_changes_at_once(desk: OpenDesk, page: SettingsPage) -> None:
    page.show_section("appearance")
    card = page._cards["appearance"]
    themes = card.themes  # type: ignore[attr-defined]
    themes.buttons["light"].click()
    assert desk.window.theme.choice is ThemeChoice.LIGHT
    desk.window.theme.choose(ThemeChoice.DARK)
    assert themes.value == "dark"
    assert not page.form.changes
