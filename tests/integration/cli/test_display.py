"""A display that is named and cannot be used: said in words, where Qt would abort."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jigdesk.commands import display

pytest.importorskip("PySide6")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="DISPLAY is X11's")


@pytest.fixture
def silent_display() -> Iterator[str]:
    """A display over TCP that takes the connection and never answers."""
    for number in range(40, 400):
        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", 6000 + number))
        except OSError:
            listener.close()
            continue
        listener.listen()
        yield f"127.0.0.1:{number}"
        listener.close()
        return
    pytest.fail("no free port for a display")


@pytest.fixture
def dead_display(silent_display: str) -> str:
    """A display on a port that nobody listens on any more."""
    return f"127.0.0.1:{int(silent_display.rpartition(':')[2]) + 1000}"


def test_a_dead_display_is_said_with_the_way_out_and_no_abort(
    dead_display: str, tmp_path: Path
) -> None:
    hidden = ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    run = subprocess.run(
        (sys.executable, "-m", "jigdesk"),
        env={**env, "DISPLAY": dead_display, "JIGDESK_HOME": str(tmp_path / "home")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert f"DISPLAY={dead_display}" in run.stderr
    assert "could not connect to display" in run.stderr
    assert "jigdesk serve" in run.stderr
    assert "Traceback" not in run.stderr
    assert "Aborted" not in run.stderr
    assert not list(tmp_path.glob("core*"))
    assert not (tmp_path / "home").exists()  # nothing was begun


def test_a_display_that_never_answers_is_given_up(
    silent_display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("QT_QPA_PLATFORM", raising=False)
    monkeypatch.setenv("DISPLAY", silent_display)
    monkeypatch.setattr(display, "ANSWERS_WITHIN_S", 3.0)
    with display.trying_display() as why_not:
        assert why_not() == f"The display (DISPLAY={silent_display}) does not answer."


def test_what_needs_no_display_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a process was begun"))
    with display.trying_display() as why_not:
        assert why_not() == ""


def test_a_platform_that_qt_does_not_have_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "nonsense")
    with display.trying_display() as why_not:
        assert 'Could not find the Qt platform plugin "nonsense"' in why_not()


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, False),
        ({"DISPLAY": ""}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "w"}, True),
    ],
)
def test_a_display_is_looked_for_in_the_environment(env: dict[str, str], found: bool) -> None:
    assert display.has_display(env) is found
