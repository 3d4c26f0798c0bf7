"""Branching from the window: what another job stored is the new one's input."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.demo.sample import sample_png
from jigdesk.domain.changes import Arrival, Change, StageRun
from jigdesk.domain.events import ACCEPTED, EventDraft
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import chain, send
from ui.inspector.panel import Inspector
from ui.newjob.dialog import NewJobDialog

PATIENCE_MS = 180_000


def inspector_of(desk: OpenDesk) -> Inspector:
    found = desk.window.need_inspector()
    assert isinstance(found, Inspector)
    return found


def inspect(desk: OpenDesk, qtbot: QtBot, job_id: str) -> Inspector:
    """Look at a job until it completed and can be branched."""
    inspector = inspector_of(desk)
    desk.page.opened.emit(job_id)
    qtbot.waitUntil(
        lambda: (
            inspector.story is not None
            and inspector.story.job.job_id == job_id
            and inspector.story.job.status is JobStatus.COMPLETED
            and inspector.header.branch.isEnabled()
        ),
        timeout=PATIENCE_MS,
    )
    return inspector


def form_of(desk: OpenDesk, qtbot: QtBot) -> NewJobDialog:
    found: list[NewJobDialog] = []

    def look() -> bool:
        found[:] = [d for d in desk.window.findChildren(NewJobDialog) if d.isVisible()]
        return bool(found)

    qtbot.waitUntil(look, timeout=PATIENCE_MS)
    return found[0]


@pytest.fixture
def parent(desk: OpenDesk, tmp_path: Path) -> str:
    return send(desk, chain(steps=1), tmp_path)


def runs_of(desk: OpenDesk, job_id: str) -> list[StageRun]:
    async def read(core: Core) -> list[StageRun]:
        return list(await core.journal.stage_runs(job_id))

    return desk.thread.submit(read).result(90)


def test_a_stage_of_the_graph_is_branched_and_the_family_links_both_ways(
    desk: OpenDesk, qtbot: QtBot, parent: str
) -> None:
    inspector = inspect(desk, qtbot, parent)
    graph = inspector.overview.graph
    qtbot.waitUntil(lambda: graph.can_branch("fine") and graph.can_branch("big"))
    assert inspector.overview.family.rows == []
    menu = graph.menu_at(graph.centre_of(("fine", "2")).toPoint())
    assert menu is not None
    branch = next(action for action in menu.actions() if action.text() == "Branch from fine")
    assert branch.isEnabled()
    branch.trigger()
    menu.close()

    form = form_of(desk, qtbot)
    first = form.forms[0]
    first.choose("invert")
    field = first.files["image"]
    assert field.stored is not None
    assert field.stored.file.stage == "fine"
    assert form.send.isEnabled(), form.words
    assert form.words.startswith("Invert on what Refine of ")
    qtbot.waitUntil(lambda: not field._picture.pixmap().isNull(), timeout=PATIENCE_MS)
    sent: list[str] = []
    form.sent.connect(sent.append)
    form.send.click()
    qtbot.waitUntil(lambda: bool(sent), timeout=PATIENCE_MS)

    inspect(desk, qtbot, sent[0])
    assert [run.stage for run in runs_of(desk, sent[0])] == ["invert"]  # nothing ran again
    family = inspector.overview.family
    qtbot.waitUntil(lambda: len(family.rows) == 2, timeout=PATIENCE_MS)
    assert family.isVisible()
    above, here = family.rows
    assert (above.kin.job_id, above.kin.depth) == (parent, 0)
    assert (here.kin.job_id, here.kin.depth, here.kin.stage) == (sent[0], 1, "fine")
    assert here.is_self
    above.click()
    qtbot.waitUntil(lambda: inspector.job_id == parent)
    qtbot.waitUntil(lambda: len(family.rows) == 2 and family.rows[0].is_self, timeout=PATIENCE_MS)
    assert desk.page.selected.ids == (parent,)
    family.rows[1].click()
    qtbot.waitUntil(lambda: inspector.job_id == sent[0])


def test_a_branch_appears_in_its_parent_while_that_is_looked_at(
    desk: OpenDesk, qtbot: QtBot, parent: str, tmp_path: Path
) -> None:
    inspector = inspect(desk, qtbot, parent)
    request = {
        "stages": [
            {"name": "dark", "workflow": "invert", "inputs": {"image": {"stage": "big"}}},
        ],
        "branch_of": {"job_id": parent, "stage": "big"},
    }
    child = send(desk, request, tmp_path)
    family = inspector.overview.family
    qtbot.waitUntil(
        lambda: (
            len(family.rows) == 2
            and (job := family.rows[1].kin.job) is not None
            and job.job_id == child
            and job.status is JobStatus.COMPLETED
        ),
        timeout=PATIENCE_MS,
    )


def test_the_keys_and_the_mark_of_a_stored_stage_branch(
    desk: OpenDesk, qtbot: QtBot, parent: str
) -> None:
    inspector = inspect(desk, qtbot, parent)
    graph = inspector.overview.graph
    qtbot.waitUntil(lambda: graph.can_branch("big"))
    asked: list[str] = []
    graph.branch_asked.connect(asked.append)
    title = graph._titles["big"]
    place = graph.mapFromScene(title.mapToScene(title.branch_area().center()))
    qtbot.mouseClick(graph.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert asked == ["big"]
    form_of(desk, qtbot).reject()
    graph.walk(1.0, 0.0)
    assert graph.current is not None
    qtbot.keyClick(graph, Qt.Key.Key_B)
    assert asked == ["big", graph.current[0]]
    form = form_of(desk, qtbot)
    assert form.start is not None
    assert form.start.stage.name == graph.current[0]
    form.reject()
    assert graph.menu_at(QPoint(5, graph.height() + 500)) is None


def test_the_queue_branches_the_selected_job_from_any_of_its_stages(
    desk: OpenDesk, qtbot: QtBot, parent: str, tmp_path: Path
) -> None:
    qtbot.waitUntil(lambda: desk.page.model.row_of(parent) is not None, timeout=PATIENCE_MS)
    inspect(desk, qtbot, parent)
    desk.page.selected.clear()
    assert not desk.page.menu.branch.isEnabled()
    desk.page.show_job(parent)
    assert desk.page.menu.branch.isEnabled()
    desk.page.table.setFocus()
    qtbot.keyClick(desk.page.table, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    form = form_of(desk, qtbot)
    assert form.from_stage.count() == 2
    assert form.start is not None
    assert form.start.stage.name == "big"  # the last one
    form.from_stage.setCurrentIndex(0)
    field = form.forms[0].files["image"]
    assert field.stored is not None
    assert field.stored.file.stage == "fine"
    own = tmp_path / "other.png"
    own.write_bytes(sample_png())
    field.take(own)
    assert field.stored is None
    field.remove.click()
    assert field.stored is not None
    form.forms[0].choose("blur")
    assert set(form.drafts[0].stored) == {"image"}
    form.reject()


def test_another_s_job_and_one_that_stored_nothing_cannot_be_branched(
    desk: OpenDesk, qtbot: QtBot
) -> None:
    async def add(core: Core) -> str:
        await core.control.pause("A test.")
        job_id = new_job_id()
        event = EventDraft(ACCEPTED, {"status": "accepted", "position": None})
        arrival = Arrival(job_id, "jig-react", None, "client:somebody-else")
        await core.journal.accept(arrival, Change(events=(event,)))
        return job_id

    other = desk.thread.submit(add).result(90)
    page = desk.page
    qtbot.waitUntil(lambda: page.model.row_of(other) is not None, timeout=PATIENCE_MS)
    page.show_job(other)
    assert not page.menu.branch.isEnabled()
    assert "client:somebody-else" in page.menu.branch.toolTip()
    page.menu.branch_asked.emit(other)  # and the core says the same
    qtbot.waitUntil(lambda: bool(desk.window.toasts.shown), timeout=PATIENCE_MS)
    assert "Only whoever sent a job can branch" in desk.window.toasts.shown[0]
    inspector = inspector_of(desk)
    page.opened.emit(other)
    qtbot.waitUntil(lambda: inspector.story is not None, timeout=PATIENCE_MS)
    assert not inspector.header.branch.isEnabled()


def test_a_branch_that_is_asked_for_twice_opens_one_form(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(), tmp_path)
    inspect(desk, qtbot, job_id)
    answered: list[None] = []

    async def nothing(_: Core) -> None:
        return

    for _ in range(2):  # the key is faster than the journal
        desk.page.menu.branch_asked.emit(job_id)
    form = form_of(desk, qtbot)
    desk.bridge.call(nothing, answered.append)
    qtbot.waitUntil(lambda: bool(answered))
    assert desk.window.findChildren(NewJobDialog) == [form]
    form.reject()
