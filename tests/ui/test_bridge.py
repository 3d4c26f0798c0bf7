"""What crosses between the threads, with a real core on the other side."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

import pytest
from pytestqt.qtbot import QtBot

from jigdesk.app import Core
from jigdesk.domain.changes import Arrival, Change
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.events import ACCEPTED, NEW_FILES, EventDraft
from jigdesk.domain.job import JobStatus
from tests.ui.conftest import OpenDesk
from ui.bridge import MAX_CALLS
from ui.inbox import Batch

ID = "01234567-89ab-4cde-8f01-23456789abcd"


def test_a_command_runs_on_the_core_and_answers_in_the_main_thread(
    qtbot: QtBot, desk: OpenDesk
) -> None:
    seen: list[threading.Thread] = []

    async def work(core: Core) -> str:
        seen.append(threading.current_thread())
        return core.host_id

    answers: list[tuple[str, threading.Thread]] = []
    desk.bridge.call(work, lambda value: answers.append((value, threading.current_thread())))
    qtbot.waitUntil(lambda: bool(answers))
    assert answers == [(desk.core.host_id, threading.main_thread())]
    assert seen[0].name == "core"


def test_an_expected_failure_is_told_and_a_bug_is_a_bug(qtbot: QtBot, desk: OpenDesk) -> None:
    with qtbot.waitSignal(desk.bridge.failed) as failed:
        desk.bridge.call(lambda core: core.control.retry(ID))
    assert failed.args == [f"There is no job {ID}."]
    handled: list[JigDeskError] = []
    desk.bridge.call(lambda core: core.control.retry(ID), None, handled.append)
    qtbot.waitUntil(lambda: bool(handled))
    with qtbot.waitSignal(desk.bridge.bug) as bug:
        desk.bridge.call(lambda core: core.journal.apply(ID, Change()))
    assert isinstance(bug.args[0], KeyError)


def test_no_change_of_state_is_lost_in_a_flood(qtbot: QtBot, desk: OpenDesk) -> None:
    batches: list[Batch] = []
    desk.bridge.arrived.connect(batches.append)
    # paused, so that the queue does not take the job from under the test
    desk.bridge.call(lambda core: core.control.pause("a test"))
    count = 300

    async def flood(core: Core) -> None:
        for _ in range(count):
            await core.journal.apply(
                ID, Change(events=(EventDraft(NEW_FILES, {"new_files": []}),), durable=False)
            )

    async def accept(core: Core) -> None:
        event = EventDraft(ACCEPTED, {"status": "accepted", "position": 1})
        await core.journal.accept(Arrival(ID, "jig-react", None), Change(events=(event,)))

    desk.bridge.call(accept, lambda _: desk.bridge.call(flood))
    qtbot.waitUntil(lambda: sum(len(batch.events) for batch in batches) == count + 1)
    seqs = [event.seq for batch in batches for event in batch.events]
    assert seqs == sorted(seqs)
    assert all(len(batch.jobs) == 1 for batch in batches)
    assert batches[-1].jobs[-1].status is JobStatus.ACCEPTED


def test_too_many_commands_at_once_are_refused_politely(qtbot: QtBot, desk: OpenDesk) -> None:
    answers: list[None] = []
    refused: list[JigDeskError] = []

    async def nothing(_: Core) -> None:
        return None

    for _ in range(MAX_CALLS + 40):
        desk.bridge.call(nothing, answers.append, refused.append)
    qtbot.waitUntil(lambda: len(answers) + len(refused) == MAX_CALLS + 40)
    assert refused
    assert refused[0].code == "busy"


def test_figures_and_health_come_by_themselves(qtbot: QtBot, desk: OpenDesk) -> None:
    qtbot.waitUntil(lambda: "store" in desk.window.strip.items)
    latest = desk.bridge.latest
    assert latest is not None
    assert latest.kept == 0
    assert desk.window.strip.items["store"].vital is not None


def test_check_again_runs_even_what_was_checked_just_now(qtbot: QtBot, desk: OpenDesk) -> None:
    found: list[datetime] = []

    def read(checks: Sequence[Check]) -> None:
        found.extend(one.checked_at for one in checks if one.name == "urls" and one.checked_at)

    qtbot.waitUntil(lambda: "store" in desk.window.strip.items)
    desk.bridge.health.connect(read)
    desk.bridge.check_health()
    qtbot.waitUntil(lambda: len(found) == 1)
    asked_at = utc_now()
    desk.bridge.check_health()  # being read already: the look anew follows it
    desk.window.strip.asked_again.emit()
    qtbot.waitUntil(lambda: found[-1] >= asked_at)


def test_after_close_nothing_is_called_any_more(qtbot: QtBot, desk: OpenDesk) -> None:
    called: list[str] = []

    async def work(core: Core) -> str:
        return core.host_id

    desk.bridge.call(work, called.append)
    desk.bridge.close()
    desk.bridge.call(work, called.append)
    desk.thread.submit(work).result(90)
    qtbot.wait(50)
    assert called == []


@pytest.mark.parametrize("times", [2])
def test_closing_twice_is_no_error(desk: OpenDesk, times: int) -> None:
    for _ in range(times):
        desk.bridge.close()
