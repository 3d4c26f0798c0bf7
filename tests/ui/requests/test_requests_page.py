"""Requests on the public listener appear with their answer and can be sent again."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.ui.conftest import OpenDesk
from ui.queue.sample import send_sample
from ui.requests.page import RequestsPage
from ui.requests.reading import pretty


def page_of(desk: OpenDesk) -> RequestsPage:
    page = desk.window.findChild(RequestsPage)
    assert page is not None
    desk.window.show_page("requests")
    return page


def words_of(page: RequestsPage) -> str:
    return "\n".join(item.text() for item in page.details.widget().findChildren(QLabel))


def test_an_unsigned_webhook_is_shown_as_refused(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    assert page.empty.isVisible()
    url = f"{desk.core.public_url_local}/webhooks/job-created"
    request = urllib.request.Request(url, data=b'{"a": 1}', headers={"X-Probe": "yes"})  # noqa: S310
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310
    refused.value.close()
    qtbot.waitUntil(lambda: page.model.rowCount() == 1)
    assert not page.empty.isVisible()
    assert "answered 401" in words_of(page)
    assert "Refused" in words_of(page)
    assert "yes" in words_of(page)
    bodies = [box.toPlainText() for box in page.details.widget().findChildren(QPlainTextEdit)]
    assert '{\n  "a": 1\n}' in bodies


def test_a_webhook_can_be_sent_again_and_is_known(qtbot: QtBot, desk: OpenDesk) -> None:
    page = page_of(desk)
    desk.bridge.call(send_sample)
    qtbot.waitUntil(lambda: page.model.rowCount() >= 1)
    rows = range(page.model.rowCount())
    first = next(
        row
        for row in rows
        if page.model.seen(row).path == "/webhooks/job-created"  # type: ignore[union-attr]
    )
    page.list.setCurrentIndex(page.model.index(first, 0))
    button = page.details.widget().findChild(QPushButton)
    assert button is not None
    before = page.model.rowCount()
    button.click()
    qtbot.waitUntil(lambda: page.model.rowCount() > before)
    qtbot.waitUntil(lambda: any("answer was 200" in text for text in desk.window.toasts.shown))


def test_json_is_laid_out_and_anything_else_left() -> None:
    assert pretty('{"a":1}') == '{\n  "a": 1\n}'
    assert pretty("not json") == "not json"
    assert pretty("[" * 100_000) == "[" * 100_000
