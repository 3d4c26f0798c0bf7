"""What the engine card says in every state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.jobs import NOW, after
from ui.host.engine_words import engine_words, question

READY: dict[str, Any] = {
    "kind": "managed",
    "url": "http://127.0.0.1:8188",
    "version": "0.3.64",
    "connected": True,
    "status": "ready",
    "since": "2026-03-01T12:00:00.000Z",
    "pid": 4711,
    "restarts": 2,
    "reason": None,
    "last_exit": "exit status 1, at most 300 MiB of memory, last line: bye",
}


def test_a_running_engine_can_be_stopped_and_tells_why_it_last_stopped() -> None:
    words = engine_words(READY, after(200))
    assert (words.title, words.state, words.level) == ("ComfyUI", "Running", "ok")
    facts = dict(words.facts)
    assert facts["Since"].endswith("· 3 min")
    assert (facts["Version"], facts["Process"], facts["Restarts"]) == ("0.3.64", "4711", "2")
    assert words.why.startswith("It last stopped with exit status 1")
    assert words.can == {"stop", "restart", "free"}


def test_an_engine_that_runs_but_does_not_answer_is_a_warning() -> None:
    words = engine_words({**READY, "connected": False}, NOW)
    assert (words.level, words.can) == ("warning", {"stop", "restart"})


def test_an_engine_that_hangs_says_when_it_is_restarted() -> None:
    reason = "It does not answer, though its process runs; after 600 s it is restarted."
    words = engine_words({**READY, "reason": reason}, NOW)
    assert (words.state, words.level, words.why) == ("Not answering", "warning", reason)
    assert "restart" in words.can


@pytest.mark.parametrize(
    ("status", "level", "can"),
    [
        ("stopped", "off", {"start"}),
        ("failed", "error", {"start"}),
        ("starting", "warning", {"stop", "restart"}),
        ("restarting", "warning", {"stop", "restart"}),
        ("stopping", "warning", set()),
    ],
)
def test_only_what_makes_sense_can_be_done(status: str, level: str, can: set[str]) -> None:
    words = engine_words({**READY, "status": status, "reason": "5 crashes in a row"}, NOW)
    assert (words.level, words.can, words.why) == (level, can, "5 crashes in a row")


def test_an_engine_of_somebody_else_is_not_started_or_stopped() -> None:
    remote = {"kind": "remote", "url": "http://gpu:8188", "version": None, "connected": False}
    words = engine_words(remote, NOW)
    assert (words.state, words.level, words.can) == ("Not answering", "warning", frozenset())
    assert "comfyui.url" in words.why
    words = engine_words({**remote, "connected": True}, NOW)
    assert (words.why, words.can) == ("", {"free"})


def test_a_question_is_asked_only_when_work_is_lost() -> None:
    assert question("stop", 0) == ""
    assert question("stop", 1) == (
        "Stop the engine? 1 job runs on it and will run again when it is started again."
    )
    assert question("restart", 3).startswith("Restart the engine? 3 jobs run")
