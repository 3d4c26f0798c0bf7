"""The inspector over a real desk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QTabBar,
    QWidget,
)
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import chain, send
from tests.ui.queue.test_queue_page import add_jobs
from ui.frame.question import Question
from ui.inspector.panel import EVENTS, FILES, LOG, MANIFESTS, Inspector

PATIENCE_MS = 180_000


def inspector_of(desk: OpenDesk) -> Inspector:
    found = desk.window.need_inspector()
    assert isinstance(found, Inspector)
    return found


def look_at(desk: OpenDesk, job_id: str, qtbot: QtBot, *statuses: JobStatus) -> Inspector:
    inspector = inspector_of(desk)
    desk.page.opened.emit(job_id)
    qtbot.waitUntil(
        lambda: inspector.story is not None and inspector.story.job.status in statuses,
        timeout=PATIENCE_MS,
    )
    return inspector


def test_a_finished_job_tells_everything(desk: OpenDesk, qtbot: QtBot, tmp_path: Path) -> None:
    job_id = send(desk, chain(), tmp_path)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    overview = inspector.overview
    assert inspector.isVisible()
    assert inspector.header.title == "refine → upscale"
    qtbot.waitUntil(  # the job's row comes first, what is read beside it a beat later
        lambda: {card.state.state for card in overview.graph.cards.values()} == {"done"},
        timeout=PATIENCE_MS,
    )
    given = overview.graph.cards["fine", "2"].toolTip()
    assert "    image: from Picture\n" in given
    assert "    steps: 3" in given
    assert "    image: photo.png" in overview.graph.cards["fine", "1"].toolTip()
    assert "    image: result of fine" in overview.graph.cards["big", "1"].toolTip()
    every = {(stage, node) for stage in ("fine", "big") for node in "123"}
    assert set(overview.graph.cards) == every
    assert {"fine", "big"} <= {span.name for span in overview.timeline.shown}
    qtbot.waitUntil(lambda: overview.preview.words == "big · 768 × 512", timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: len(overview.thumbs.thumbs) == 3, timeout=PATIENCE_MS)
    thumbs = overview.thumbs.thumbs
    assert [thumb.file.role for thumb in thumbs.values()] == ["input", "result", "result"]
    qtbot.waitUntil(lambda: not any(thumb.image.isNull() for thumb in thumbs.values()))

    inspector.tabs.setCurrentIndex(EVENTS)
    model = inspector.events.model
    qtbot.waitUntil(lambda: model.rowCount() > 0)
    names = [model.event_at(row).name for row in range(model.rowCount())]
    assert names[-2:] == ["job:completed", "job_done"]
    inspector.events.table.selectRow(model.rowCount() - 1)
    assert '"files"' in inspector.events.data.toPlainText()

    inspector.tabs.setCurrentIndex(MANIFESTS)
    qtbot.waitUntil(lambda: inspector.manifests.choice.count() > 0)
    manifests = inspector.manifests.choice
    names = [manifests.itemText(place) for place in range(manifests.count())]
    assert {"request.json", "manifest.json", "output.json"} <= set(names)

    inspector.tabs.setCurrentIndex(LOG)
    assert "got prompt" in inspector.log.console.text.toPlainText()
    inspector.tabs.setCurrentIndex(FILES)
    assert inspector.files.model.rowCount() == 3


def test_a_running_job_is_followed_live_and_cancelled(
    slow_desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(slow_desk, chain(steps=100), tmp_path)
    inspector = look_at(slow_desk, job_id, qtbot, JobStatus.RUNNING)
    overview = inspector.overview
    qtbot.waitUntil(
        lambda: (
            (card := overview.graph.cards.get(("fine", "2"))) is not None
            and card.state.words.startswith("step ")
        ),
        timeout=PATIENCE_MS,
    )
    assert overview.graph.cards["fine", "1"].state.state == "done"
    assert overview.graph.cards["big", "1"].state.state == "waiting"
    qtbot.waitUntil(lambda: not overview.preview.image.isNull(), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: overview.preview.words.startswith("Refine · step"))
    before = {span.name: span.seconds for span in overview.timeline.shown}
    qtbot.waitUntil(
        lambda: {s.name: s.seconds for s in overview.timeline.shown}["fine"] > before["fine"]
    )
    assert not inspector.header.retry.isVisible()
    inspector.header.cancel.click()
    question = inspector.commands.question
    assert question is not None
    assert question.title == "Cancel 1 job?"
    question.keep.click()
    qtbot.waitUntil(lambda: inspector.commands.question is None)
    assert inspector.story is not None
    assert inspector.story.job.status is JobStatus.RUNNING
    inspector.header.cancel.click()
    question = inspector.commands.question
    assert question is not None
    question.yes.click()
    qtbot.waitUntil(
        lambda: inspector.story is not None and inspector.story.job.status is JobStatus.CANCELLED,
        timeout=PATIENCE_MS,
    )
    assert inspector.header.retry.isVisible()
    assert not inspector.header.cancel.isVisible()


def test_cancelling_is_asked_in_the_same_words_as_in_the_queue(
    slow_desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(slow_desk, chain(steps=100), tmp_path)
    inspector = look_at(slow_desk, job_id, qtbot, JobStatus.QUEUED, JobStatus.RUNNING)
    qtbot.waitUntil(inspector.header.cancel.isVisible)

    def words_of(question: Question | None) -> list[str]:
        assert question is not None
        said = [part.text() for part in question.findChildren(QLabel)]
        said += [part.text() for part in question.findChildren(QPushButton)]
        question.reject()
        return said

    inspector.header.cancel.click()
    here = words_of(inspector.commands.question)
    actions = slow_desk.page.actions_on_jobs
    actions.ask_cancel([job_id])
    assert words_of(actions.question) == here
    qtbot.waitUntil(lambda: inspector.commands.question is None and actions.question is None)


def test_a_job_whose_engine_is_stopped_waits_for_it(
    slow_desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(slow_desk, chain(steps=100), tmp_path)
    inspector = look_at(slow_desk, job_id, qtbot, JobStatus.RUNNING)
    cards = inspector.overview.graph.cards
    qtbot.waitUntil(lambda: ("fine", "2") in cards and cards["fine", "2"].state.state == "running")
    slow_desk.bridge.call(lambda core: core.control.engine("stop"))
    qtbot.waitUntil(
        lambda: inspector.overview.preview.words == "Waits for the engine, which is stopped."
    )
    assert cards["fine", "2"].state.line == "engine away"
    slow_desk.bridge.call(lambda core: core.control.engine("start"))
    qtbot.waitUntil(lambda: "Waits" not in inspector.overview.preview.words)
    slow_desk.bridge.call(lambda core: core.control.cancel(job_id))
    qtbot.waitUntil(
        lambda: inspector.story is not None and inspector.story.job.status is JobStatus.CANCELLED
    )
    qtbot.waitUntil(lambda: cards["big", "1"].state.line == "not run")


def test_a_new_attempt_that_takes_results_away_is_asked_about(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    inspector.header.retry.click()
    question = inspector.commands.question
    assert question is not None
    question.keep.click()
    qtbot.waitUntil(lambda: inspector.commands.question is None)
    assert inspector.story is not None
    assert len(inspector.story.attempts) == 1
    inspector.header.retry.click()
    question = inspector.commands.question
    assert question is not None
    question.yes.click()
    qtbot.waitUntil(
        lambda: (
            inspector.story is not None
            and len(inspector.story.attempts) == 2
            and inspector.story.job.status is JobStatus.COMPLETED
        )
    )


def test_a_failed_job_says_why_and_is_tried_again(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(), tmp_path, b"this is no picture")
    inspector = look_at(desk, job_id, qtbot, JobStatus.FAILED)
    error = inspector.overview.error
    assert error.isVisible()
    assert "cannot be read as a picture" in error.words
    qtbot.waitUntil(lambda: "ended before" in inspector.files.words.text(), timeout=PATIENCE_MS)
    error.retry.click()
    qtbot.waitUntil(
        lambda: (
            inspector.story is not None
            and len(inspector.story.attempts) == 2
            and inspector.story.job.status is JobStatus.FAILED
        ),
        timeout=PATIENCE_MS,
    )
    assert [attempt.attempt for attempt in inspector.overview.attempts.shown] == [1, 2]
    assert inspector.overview.attempts.isVisible()


def test_a_result_opens_large_beside_its_input(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    thumbs = inspector.overview.thumbs
    qtbot.waitUntil(lambda: len(thumbs.thumbs) == 3, timeout=PATIENCE_MS)
    first, *_, last = thumbs.thumbs.values()
    last.click()
    viewer = inspector.viewer
    assert viewer is not None
    assert viewer.file.stage == "big"
    assert not viewer.forth.isEnabled()
    viewer.compare.click()
    qtbot.waitUntil(lambda: viewer.canvas.compares, timeout=PATIENCE_MS)
    viewer.step(-2)
    assert viewer.file == first.file
    assert not viewer.compare.isVisible()
    viewer.close()
    qtbot.waitUntil(lambda: inspector.viewer is None)


def test_an_unknown_job_and_no_job_are_said(desk: OpenDesk, qtbot: QtBot) -> None:
    inspector = inspector_of(desk)
    assert inspector.words == "Choose a job in the queue to look at it closely."
    inspector.show_job("00000000-0000-4000-8000-000000000000")
    assert inspector.words == "Reading the job"
    qtbot.waitUntil(lambda: "not in the journal" in inspector.words)
    inspector.show_job(None)
    assert inspector.words == "Choose a job in the queue to look at it closely."


def test_where_the_window_is_narrow_it_is_a_page_and_closes_to_the_queue(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    desk.window.resize(1000, 700)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    assert inspector.isVisible()
    assert not desk.page.isVisible()
    inspector.header.close_button.click()
    assert not inspector.isVisible()
    assert desk.page.isVisible()


def test_the_whole_id_is_copied(desk: OpenDesk, qtbot: QtBot, tmp_path: Path) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    inspector = look_at(desk, job_id, qtbot, *JobStatus)
    inspector.header.id_button.click()
    assert QGuiApplication.clipboard().text() == job_id


def test_the_keys_for_searching_search_the_log_where_that_is_looked_at(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    inspector = look_at(desk, job_id, qtbot, *JobStatus)
    inspector.tabs.setCurrentIndex(LOG)
    console = inspector.log.console
    qtbot.waitUntil(console.text.isVisible)
    control = Qt.KeyboardModifier.ControlModifier
    console.text.setFocus()
    qtbot.keyClick(console.text, Qt.Key.Key_F, control)
    qtbot.waitUntil(console.search.hasFocus)
    inspector.tabs.setCurrentIndex(FILES)
    inspector.files.table.setFocus()
    qtbot.keyClick(inspector.files.table, Qt.Key.Key_F, control)
    qtbot.waitUntil(desk.page.search.hasFocus)


def test_the_keyboard_leaves_every_table_and_text(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    job_id = send(desk, chain(steps=1), tmp_path)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    inspector.tabs.setCurrentIndex(EVENTS)
    qtbot.waitUntil(lambda: inspector.events.model.rowCount() > 0)
    inspector.tabs.setCurrentIndex(FILES)
    for tab, part in (
        (FILES, inspector.files.table),
        (EVENTS, inspector.events.table),
        (EVENTS, inspector.events.data),
    ):
        inspector.tabs.setCurrentIndex(tab)
        part.setFocus()
        qtbot.waitUntil(part.hasFocus)
        qtbot.keyClick(part, Qt.Key.Key_Tab)
        assert not part.hasFocus()


def test_a_new_attempt_does_not_keep_the_picture_of_the_one_before(
    desk: OpenDesk, qtbot: QtBot, tmp_path: Path
) -> None:
    """The button's answer is there before the journal's news, which come ten times a second."""
    job_id = send(desk, chain(), tmp_path)
    inspector = look_at(desk, job_id, qtbot, JobStatus.COMPLETED)
    preview = inspector.overview.preview
    qtbot.waitUntil(lambda: not preview.image.isNull())
    desk.thread.submit(lambda core: core.control.pause("A test.")).result(90)
    inspector.header.retry.click()
    question = inspector.commands.question
    assert question is not None
    question.answers[0].click()
    qtbot.waitUntil(lambda: inspector.story is not None and inspector.story.job.attempt == 2)
    assert preview.image.isNull()


def test_manifests_that_cannot_be_read_are_not_said_of_another_job(
    desk: OpenDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = add_jobs(desk, 2)
    inspector = look_at(desk, first, qtbot, JobStatus.ACCEPTED)
    let_go = threading.Event()

    async def slowly(_: Core, job_id: str) -> Mapping[str, Any]:
        if job_id == first:
            await asyncio.to_thread(let_go.wait, 90)
            raise JigDeskError("store", "The store does not answer.")
        return {"request.json": {}}

    monkeypatch.setattr("ui.inspector.panel.job_documents", slowly)
    inspector.tabs.setCurrentIndex(MANIFESTS)
    desk.page.opened.emit(second)
    manifests = inspector.manifests
    qtbot.waitUntil(lambda: manifests.choice.count() == 1)
    let_go.set()
    answered: list[None] = []
    desk.bridge.call(lambda core: slowly(core, first), None, lambda _: answered.append(None))
    qtbot.waitUntil(lambda: bool(answered))
    assert not manifests.words.isVisible()


def test_a_job_that_could_not_be_read_is_read_when_it_is_opened_again(
    desk: OpenDesk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job_id,) = add_jobs(desk, 1)
    inspector = inspector_of(desk)

    async def unreadable(_: Core, job_id: str) -> None:
        raise JigDeskError("journal", f"The journal cannot be read: {job_id}")

    with monkeypatch.context() as broken:
        broken.setattr("ui.inspector.panel.job_story", unreadable)
        desk.page.opened.emit(job_id)
        qtbot.waitUntil(lambda: "cannot be read" in inspector.words)
    desk.page.opened.emit(job_id)
    qtbot.waitUntil(lambda: inspector.story is not None)
    assert inspector.words == ""


@pytest.mark.parametrize("name", ["inspector", "workflows", "requests", "host", "settings"])
def test_what_takes_the_keyboard_has_a_name(desk: OpenDesk, name: str) -> None:
    window = desk.window
    page = inspector_of(desk) if name == "inspector" else window.page_of(name, QWidget)
    parts = (QAbstractItemView, QComboBox, QLineEdit, QPlainTextEdit, QScrollArea, QTabBar)
    nameless = [
        part
        for part in page.findChildren(QWidget)
        if isinstance(part, parts)
        and part.focusPolicy() is not Qt.FocusPolicy.NoFocus
        and not isinstance(part.window(), QFrame)  # a combo box's own list
        and not part.accessibleName()
    ]
    assert nameless == []
