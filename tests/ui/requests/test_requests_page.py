"""Requests on the public listener appear with their answer and can be sent again."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from jigdesk.domain.webhooks import MAX_BODY_BYTES
from tests.ui.busy import busy
from tests.ui.conftest import OpenDesk
from tests.ui.jobs import NOW
from ui.details import label
from ui.queue.sample import send_sample
from ui.requests.edit import EditDialog
from ui.requests.model import RequestList, moment
from ui.requests.page import RequestsPage
from ui.requests.reading import Seen, pretty, problem_of
from ui.theme.theme import Theme

SEEN = Seen(
    "run-1", NOW, "POST", "/webhooks/job-created", 202, "accepted", "", 0.004, "127.0.0.1", 2, (),
    "{}", False, "{}", "",
)  # fmt: skip


def page_of(desk: OpenDesk) -> RequestsPage:
    page = desk.window.page_of("requests", RequestsPage)
    desk.window.show_page("requests")
    return page


def words_of(page: RequestsPage) -> str:
    return "\n".join(item.text() for item in page.details.widget().findChildren(QLabel))


def button_of(page: RequestsPage, words: str) -> QPushButton:
    buttons = page.details.widget().findChildren(QPushButton)
    return next(button for button in buttons if button.text() == words)


def post(desk: OpenDesk, path: str, body: bytes = b"", status: int = 401) -> None:
    """Send what nobody signed; it is refused."""
    url = f"{desk.core.public_url_local}{path}"
    request = urllib.request.Request(url, data=body, headers={"X-Probe": "yes"})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    refused.value.close()
    assert refused.value.code == status


def choose_a_webhook(desk: OpenDesk, page: RequestsPage, qtbot: QtBot) -> Seen:
    """Have the sample job sent, and choose the webhook that told of it."""
    desk.bridge.call(send_sample)
    qtbot.waitUntil(lambda: page.model.rowCount() >= 1)
    for row in range(page.model.rowCount()):
        seen = page.model.seen(row)
        assert seen is not None
        if seen.path == "/webhooks/job-created":
            page.list.setCurrentIndex(page.model.index(row, 0))
            return seen
    raise AssertionError("no webhook came")


def test_an_unsigned_webhook_is_shown_as_refused(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    assert page.empty.isVisible()
    post(desk, "/webhooks/job-created", b'{"a": 1}')
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert not page.empty.isVisible()
    assert "answered 401" in words_of(page)
    assert "8 bytes" in words_of(page)
    assert "Refused" in words_of(page)
    assert "yes" in words_of(page)
    bodies = [box.toPlainText() for box in page.details.widget().findChildren(QPlainTextEdit)]
    assert '{\n  "a": 1\n}' in bodies


def test_a_webhook_can_be_sent_again_and_is_known(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    choose_a_webhook(desk, page, qtbot)
    before = page.model.rowCount()
    button_of(page, "Send again").click()
    qtbot.waitUntil(lambda: page.model.rowCount() > before)
    qtbot.waitUntil(lambda: any("answer was 200" in text for text in desk.window.toasts.shown))


def test_a_webhook_is_sent_with_another_body(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    seen = choose_a_webhook(desk, page, qtbot)
    button_of(page, "Edit and send…").click()
    dialog = page.editor
    assert isinstance(dialog, EditDialog)
    assert json.loads(dialog.body.toPlainText()) == json.loads(seen.body)
    dialog.body.setPlainText('{\n  "a": 1,\n}')
    assert not dialog.send.isEnabled()
    qtbot.waitUntil(lambda: dialog.words.text().startswith("Not JSON: line 3"))
    assert not dialog.send.isEnabled()
    qtbot.keyClick(dialog.body, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert dialog.answer == ""
    dialog.body.setPlainText(json.dumps({"edited": True}))
    qtbot.waitUntil(dialog.send.isEnabled)
    dialog.send.click()
    qtbot.waitUntil(lambda: dialog.answer.startswith("Answered 4"))
    dialog.close_button.click()
    qtbot.waitUntil(lambda: page.editor is None)
    qtbot.waitUntil(lambda: (newest := page.model.seen(0)) is not None and "edited" in newest.body)
    newest = page.model.seen(0)
    assert newest is not None
    sent = {name.lower(): value for name, value in newest.headers}
    assert sent["webhook-id"].startswith("replay_")
    assert newest.path == seen.path


def test_what_cannot_be_sent_again_says_why(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    post(desk, "/webhooks/job-created", b"x" * 20_000)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert "not kept whole" in words_of(page)
    assert not button_of(page, "Send again").isEnabled()
    assert not button_of(page, "Edit and send…").isEnabled()
    post(desk, "/webhooks/nothing", b"{}", 404)
    qtbot.waitUntil(lambda: page.model.rowCount() == 2)
    assert "Only webhooks can be sent again." in words_of(page)
    assert not button_of(page, "Edit and send…").isEnabled()


@pytest.mark.parametrize("width", [1480, 820])
def test_nothing_that_an_outsider_sends_is_cut(qtbot: QtBot, desk: OpenDesk, width: int) -> None:
    page = page_of(desk)
    desk.window.resize(width, 600)
    post(desk, "/webhooks/" + "long" * 60, b'{"a": "' + b"b" * 900 + b'"}', 404)
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    details = page.details
    qtbot.waitUntil(lambda: details.widget().width() <= details.viewport().width())
    assert details.widget().minimumSizeHint().width() <= details.viewport().width()
    assert page.list.width() < page.width() / 2


def test_long_words_are_copied_as_they_were(qtbot: QtBot) -> None:
    key = "inputs/129c4091-d6d1-4238-9a0b-dbebfc466bdd/request.json"
    said = label(key)
    qtbot.addWidget(said)
    said.show()
    said.setSelection(0, len(said.text()))
    qtbot.keyClick(said, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == key


def test_an_empty_page_sends_the_sample_job(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    qtbot.waitUntil(page.empty.button.isVisible)
    assert desk.core.public_url_local in page.empty.words.text().replace("\u200b", "")
    page.empty.button.click()
    assert not page.empty.button.isEnabled()
    qtbot.waitUntil(lambda: page.model.rowCount() >= 1)


def test_a_page_that_cannot_be_read_says_so_and_is_read_again(
    qtbot: QtBot, desk: OpenDesk, theme: Theme
) -> None:
    with busy(desk, qtbot):
        page = RequestsPage(desk.bridge, theme, desk.window.toasts, "http://here")
        qtbot.addWidget(page)
        page.show()
        assert page.empty.title.text() == "The requests cannot be read"
        assert "busy" in page.empty.words.text()
    page.empty.button.click()
    assert page.empty.title.text() == "Reading the requests"
    qtbot.waitUntil(lambda: page.empty.title.text() == "No requests yet")


def test_the_list_is_a_sound_model_that_grows_in_front(theme: Theme) -> None:
    model = RequestList(theme, clock=lambda: NOW)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    first, second = SEEN, replace(SEEN, request_id="run-2", status=401)
    model.take((first,))
    model.take((second, first))
    assert [model.seen(row) for row in range(2)] == [second, first]
    model.take((second,))
    assert model.rowCount() == 1
    assert "401" in str(model.data(model.index(0, 0)))


def test_the_day_is_told_of_what_is_older_than_today() -> None:
    assert moment(NOW, NOW) == NOW.astimezone().strftime("%H:%M:%S")
    before = NOW - timedelta(days=1)
    assert moment(before, NOW) == before.astimezone().strftime("%d %b %H:%M")


def test_a_body_is_bounded_and_json() -> None:
    assert problem_of('{"a": [1, 2]}') == ""
    assert problem_of("{").startswith("Not JSON: line 1, column 2")
    assert problem_of('"' + "é" * (MAX_BODY_BYTES // 2) + '"').startswith("Too large")
    assert problem_of("[" * 100_000).startswith("Not JSON")


def test_json_is_laid_out_and_anything_else_left() -> None:
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty("not json") == "not json"
    assert pretty("[" * 100_000) == "[" * 100_000


def test_what_comes_while_nobody_looks_is_read_when_somebody_does(
    desk: OpenDesk, qtbot: QtBot
) -> None:
    page = page_of(desk)
    qtbot.waitUntil(page.empty.isVisible)
    desk.window.show_page("queue")
    came: list[bool] = []
    desk.window.bridge.arrived.connect(lambda batch: came.append(batch.requests_came))
    post(desk, "/webhooks/job-created")
    qtbot.waitUntil(lambda: any(came))
    assert page.model.rowCount() == 0
    page.refresh()  # whose answer comes after that of any read before it
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    post(desk, "/webhooks/job-created")
    qtbot.waitUntil(lambda: came.count(True) == 2)
    assert page.model.rowCount() == 1
    desk.window.show_page("requests")
    qtbot.waitUntil(lambda: page.model.rowCount() == 2)
