"""The tables of files and events: what they show, whole, and how the keyboard leaves them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from pytestqt.qtbot import QtBot

from jigdesk.app.job_story import StoryFile
from jigdesk.domain import events
from jigdesk.domain.events import Event
from tests.ui.jobs import JOB_ID, after
from ui.inspector.events_tab import WHAT, EventsTab
from ui.inspector.files_tab import FilesTab
from ui.inspector.tables import EventsModel, FilesModel
from ui.theme.theme import Theme

NAMES = (events.INPUTS, events.ACCEPTED, events.NEW_FILES, events.COMPLETED, events.FAILED)


def an_event(seq: int, name: str = events.NEW_FILES) -> Event:
    return Event(JOB_ID, seq, name, after(seq), {"status": "running"})


def test_events_are_not_cut(qtbot: QtBot, theme: Theme) -> None:
    tab = EventsTab(theme)
    qtbot.addWidget(tab)
    tab.resize(360, 500)  # the narrowest inspector
    tab.show()
    tab.model.add([an_event(1040 + n, name) for n, name in enumerate(NAMES)])
    table = tab.table
    for column in range(WHAT):
        assert table.sizeHintForColumn(column) <= table.columnWidth(column)
    assert table.columnWidth(WHAT) >= 48


def test_the_events_are_a_sound_model_that_grows_at_the_end() -> None:
    model = EventsModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.add([an_event(1), an_event(2)])
    model.add([an_event(2), an_event(1003)])
    assert [model.event_at(row).seq for row in range(model.rowCount())] == [1, 2, 1003]
    assert model.last_seq == 1003
    model.clear()
    assert model.rowCount() == 0


def test_what_an_event_carried_goes_with_the_events_of_its_job(qtbot: QtBot, theme: Theme) -> None:
    tab = EventsTab(theme)
    qtbot.addWidget(tab)
    tab.model.add([an_event(1)])
    tab.table.selectRow(0)
    assert "running" in tab.data.toPlainText()
    tab.model.clear()
    assert tab.data.toPlainText() == ""


def test_the_files_are_a_sound_model() -> None:
    model = FilesModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    files = [a_file(name) for name in ("photo.png", "result.png")]
    model.show_files(files)
    model.show_files(files[:1])
    assert model.rowCount() == 1
    assert model.file(0).name == "photo.png"
    model.show_files(())
    assert model.rowCount() == 0


def test_a_file_s_stage_comes_first_and_the_usual_is_not_cut(qtbot: QtBot) -> None:
    tab = FilesTab()
    qtbot.addWidget(tab)
    tab.resize(400, 300)
    tab.show()
    tab.show_files([a_file("result.png", stage="enlarge"), a_file("photo.png")], "none")
    table = tab.table
    assert [table.model().headerData(n, Qt.Orientation.Horizontal) for n in range(4)] == [
        "From",
        "Name",
        "Size",
        "Pixels",
    ]
    for column in range(4):
        assert table.sizeHintForColumn(column) <= table.columnWidth(column)
    assert table.textElideMode() is Qt.TextElideMode.ElideMiddle
    index = table.model().index(0, 0)
    assert (index.data(), index.siblingAtColumn(1).data()) == ("enlarge", "result.png")
    assert "enlarge" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_the_chosen_file_stays_chosen_where_it_moved_and_goes_with_its_job(qtbot: QtBot) -> None:
    tab = FilesTab()
    qtbot.addWidget(tab)
    opened: list[StoryFile] = []
    tab.opened.connect(opened.append)
    tab.show_files([a_file("a.png"), a_file("b.png")], "none")
    tab.table.selectRow(1)
    tab.show_files([a_file("b.png"), a_file("c.png")], "none")
    tab.open.click()
    assert [file.name for file in opened] == ["b.png"]
    tab.show_files([a_file("of another job.png")], "none")
    assert not tab.open.isEnabled()


def a_file(name: str, stage: str = "fine") -> StoryFile:
    return StoryFile(
        f"outputs/x/{stage}/{name}",
        name,
        "result",
        stage,
        "image",
        Path(name),
        4_711_000,
        1024,
        768,
    )
