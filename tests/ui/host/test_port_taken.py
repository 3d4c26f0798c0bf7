"""Somebody else has the engine's port: the card names them and has three ways out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from pytestqt.qtbot import QtBot

from jigdesk.settings.draft import Origin
from tests.fakes.families import ROOT, script
from tests.harness.ports import free_port
from tests.harness.waiting import PATIENCE_S
from tests.ui.conftest import OpenDesk
from ui.frame.question import Question
from ui.host.page import HostPage

HOLDER = (
    "import socket, sys, time; s = socket.socket(); s.bind(('127.0.0.1', int(sys.argv[1])));"
    "s.listen(); print('listening', flush=True); time.sleep(3600)"
)


@dataclass
class Held:
    """The process that has the port."""

    port: int
    process: subprocess.Popen[bytes]


@pytest.fixture
def is_engine() -> bool:
    """Whether the other process is an engine that can be used."""
    return False


@pytest.fixture
def held(tmp_path: Path, is_engine: bool) -> Iterator[Held]:
    port = free_port()
    folder = tmp_path / "theirs"
    folder.mkdir()
    argv = (
        [sys.executable, "-m", "jigdesk.demo", f"--port={port}", f"--base-directory={folder}"]
        if is_engine
        else [*script(HOLDER), str(port)]
    )
    with subprocess.Popen(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        while b"listening" not in (line := process.stdout.readline()):
            assert line
        yield Held(port, process)
        process.kill()


@pytest.fixture
def origin(tmp_path: Path, held: Held) -> Origin:
    return Origin(
        {"JIGDESK_HOME": str(tmp_path / "home")},
        {
            "server": {"public_port": 0, "local_port": 0},
            "comfyui": {"kind": "demo", "port": held.port},
        },
    )


@pytest.fixture
def page(desk: OpenDesk, held: Held, qtbot: QtBot) -> HostPage:
    found = desk.window.findChild(HostPage)
    assert found is not None
    desk.window.show_page("host")
    qtbot.waitUntil(found.card.offer.isVisible)
    return found


@pytest.fixture
def until(page: HostPage, qtbot: QtBot) -> Callable[[str], None]:
    def wait(state: str) -> None:
        qtbot.waitUntil(lambda: page.card.shown is not None and page.card.shown.state == state)

    return wait


def test_it_is_ended_after_a_question(
    page: HostPage, held: Held, qtbot: QtBot, until: Callable[[str], None]
) -> None:
    card = page.card
    assert card.shown is not None
    assert f"port {held.port} is held by process {held.process.pid} (" in card.shown.why
    assert not card.buttons["start"].isVisible()
    card.offer.end.click()
    question = card.offer.question
    assert question is not None
    assert question.title == f"End process {held.process.pid}?"
    question.keep.click()
    qtbot.waitUntil(lambda: card.offer.question is None)
    assert held.process.poll() is None
    card.offer.end.click()
    question = card.offer.question
    assert isinstance(question, Question)
    question.yes.click()
    until("Running")
    assert not psutil.pid_exists(held.process.pid)
    assert not card.offer.isVisible()
    assert dict(card.shown.facts)["Address"].endswith(f":{held.port}")


def test_the_engine_starts_on_the_port_that_is_proposed(
    page: HostPage, held: Held, qtbot: QtBot, until: Callable[[str], None]
) -> None:
    offer = page.card.offer
    qtbot.waitUntil(lambda: bool(offer.port.text()))
    assert offer.port.text() != str(held.port)
    offer.port.setText("80")
    assert not offer.move_on.isEnabled()
    another = str(free_port())
    offer.port.setText(another)
    offer.move_on.click()
    until("Running")
    assert page.card.shown is not None
    assert dict(page.card.shown.facts)["Address"] == f"http://127.0.0.1:{another}"
    assert held.process.poll() is None


def test_what_is_no_engine_is_not_used(desk: OpenDesk, page: HostPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(desk.bridge.failed) as failed:
        page.card.offer.attach.click()
    assert "cannot be used" in failed.args[0]
    qtbot.waitUntil(page.card.offer.attach.isEnabled)
    assert page.card.offer.isVisible()


@pytest.mark.parametrize("is_engine", [True])
def test_an_engine_is_used_as_it_is_until_it_ends(
    page: HostPage, held: Held, qtbot: QtBot, until: Callable[[str], None]
) -> None:
    card = page.card
    card.offer.attach.click()
    until("Answering")
    assert card.shown is not None
    assert dict(card.shown.facts)["Run by"] == f"process {held.process.pid}"
    assert "used as it is" in card.shown.why
    assert not card.offer.isVisible()
    held.process.kill()
    held.process.wait(PATIENCE_S)
    until("Not answering")
    assert "does not answer any more" in card.shown.why
    start = card.buttons["start"]
    assert start.text() == "Start the desk's own"
    start.click()
    until("Running")
    assert start.text() == "Start"
    assert "Run by" not in dict(card.shown.facts)
