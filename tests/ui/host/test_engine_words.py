"""What the engine card says in every state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.ui.jobs import NOW, after
from ui.host.engine_words import Holder, end_question, engine_words, question

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
    killed = engine_words({**READY, "last_exit": "ended by SIGKILL, last line: bye"}, after(200))
    assert killed.why == "It last ended by SIGKILL, last line: bye"


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
    assert question("stop", 0) is None
    assert question("stop", 1) == (
        "Stop the engine?",
        "1 job runs on it and will run again when it is started again.",
    )
    asked = question("restart", 3)
    assert asked is not None
    assert asked[1].startswith("3 jobs run on it and will run again once")


def test_who_holds_the_port_is_named_and_has_offers_of_its_own() -> None:
    taken = {
        **READY,
        "connected": False,
        "status": "failed",
        "reason": "Port 8188 is held by process 9. Choose another comfyui.port.",
        "port_owner": {"port": 8188, "pid": 9, "command": "python serve.py"},
    }
    words = engine_words(taken, NOW)
    assert (words.holder, words.can) == (Holder(8188, 9, "python serve.py"), frozenset())
    assert words.why == "Its port 8188 is held by process 9 (python serve.py)."
    assert end_question(Holder(8188, 9, "python serve.py"))[0] == "End process 9?"
    unknown = {"port": 8188, "pid": None, "command": None}
    assert engine_words({**taken, "port_owner": unknown}, NOW).why.endswith("of another user.")


def test_an_engine_that_is_used_as_it_is_tells_whose_it_is() -> None:
    owner = {"port": 8188, "pid": 9, "command": "python main.py"}
    attached = {"kind": "managed", "url": "http://127.0.0.1:8188", "attached_to": owner}
    words = engine_words({**attached, "connected": True}, NOW)
    assert (words.state, words.level, words.can) == ("Answering", "ok", {"start", "free"})
    assert ("Run by", "process 9") in words.facts
    assert words.start == "Start the desk's own"
    words = engine_words({**attached, "connected": False}, NOW)
    assert (words.level, words.can) == ("warning", {"start"})
    assert "comfyui.url" not in words.why
