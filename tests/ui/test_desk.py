"""The window's life on its own loop: start, refusal, quitting with jobs, and nothing left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from qasync import QEventLoop

from jigdesk.adapters.journal.lock import HomeLock
from jigdesk.app import Core
from jigdesk.app.metrics import DeskMetrics
from jigdesk.domain.changes import JobQuery
from jigdesk.settings import Settings
from jigdesk.settings.draft import Draft, KeyringAnswers, Origin, save
from jigdesk.settings.fields import fields
from tests.harness.waiting import PATIENCE_S
from tests.ui.conftest import eventually
from ui.desk import Desk
from ui.frame.bug_dialog import BugBox, report
from ui.frame.quitting import QuitDialog
from ui.frame.restarting import RestartDialog
from ui.queue.sample import send_sample
from ui.settings.form import Form
from ui.settings.page import SettingsPage
from ui.single import SingleInstance, raise_other
from ui.theme.theme import Theme, ThemeChoice

Story = Callable[[Desk], Coroutine[Any, Any, None]]


@pytest.fixture
def play(
    qapp: QApplication,
    origin: Origin,
    settings: Settings,
    theme: Theme,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Story], tuple[int, Desk]]]:
    """Run a Desk and a story beside it on one qasync loop; the Desk's code and itself."""
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.4")  # the sample job is still there when it is met

    def run(story: Story) -> tuple[int, Desk]:
        bugs = BugBox(theme, str)
        desk = Desk(settings, qapp, theme, bugs, origin=origin)

        async def both() -> int:
            running = asyncio.create_task(desk.run())
            telling = asyncio.create_task(story(desk))
            async with asyncio.timeout(5 * PATIENCE_S):
                await telling
                return await running

        qapp.setQuitOnLastWindowClosed(False)  # as `ui.main.application` does
        loop = QEventLoop(qapp)
        with loop:
            code: int = loop.run_until_complete(both())
        return code, desk

    yield run
    qapp.setQuitOnLastWindowClosed(True)
    asyncio.set_event_loop(None)


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - Qt's objects have no event for it
        await asyncio.sleep(0.02)


async def opened(desk: Desk) -> None:
    await until(lambda: desk.window is not None and desk.window.bridge.latest is not None)


def press(dialog: Any, words: str) -> None:
    button = next(b for b in dialog.findChildren(QPushButton) if b.text() == words)
    button.click()


def test_it_opens_and_closes_when_nothing_runs(play: Callable[[Story], tuple[int, Desk]]) -> None:
    async def story(desk: Desk) -> None:
        await opened(desk)
        assert desk.window is not None
        assert desk.window.isVisible()
        desk.window.close()

    code, desk = play(story)
    assert code == 0
    assert desk.window is not None
    assert not desk.window.isVisible()


def test_a_home_that_is_taken_is_said_and_can_be_tried_again(
    play: Callable[[Story], tuple[int, Desk]], settings: Settings
) -> None:
    settings.paths.state_dir.mkdir(parents=True)
    held = ExitStack()

    async def story(desk: Desk) -> None:
        await until(
            lambda: (
                (desk._start is not None and "holds" in desk._start.words.lower())
                or (desk._start is not None and str(os.getpid()) in desk._start.words)
            )
        )
        assert desk.window is None
        held.close()
        assert desk._start is not None
        desk._start.again.emit()
        await opened(desk)
        desk.leave()

    with held:
        held.enter_context(HomeLock(settings.paths.lock))
        code, _ = play(story)
    assert code == 0


def test_leaving_from_the_refusal_is_a_failure(
    play: Callable[[Story], tuple[int, Desk]], settings: Settings
) -> None:
    settings.paths.state_dir.mkdir(parents=True)

    async def story(desk: Desk) -> None:
        await until(lambda: desk._start is not None and desk._start._retry.isVisible())
        assert desk._start is not None
        desk._start.left.emit()

    with HomeLock(settings.paths.lock):
        code, _ = play(story)
    assert code == 1


def test_closing_the_start_page_leaves(
    play: Callable[[Story], tuple[int, Desk]], settings: Settings
) -> None:
    settings.paths.state_dir.mkdir(parents=True)

    async def story(desk: Desk) -> None:
        await until(lambda: desk._start is not None and desk._start._retry.isVisible())
        assert desk._start is not None
        desk._start.close()

    with HomeLock(settings.paths.lock):
        code, _ = play(story)
    assert code == 1


def test_a_second_start_brings_back_a_start_page_that_is_hidden(
    play: Callable[[Story], tuple[int, Desk]], settings: Settings
) -> None:
    settings.paths.state_dir.mkdir(parents=True)

    async def story(desk: Desk) -> None:
        await until(lambda: desk._start is not None and desk._start._retry.isVisible())
        start = desk._start
        assert start is not None
        start.hide()
        assert await asyncio.to_thread(raise_other, settings.paths.state_dir)
        await until(start.isVisible)
        desk.leave()

    with HomeLock(settings.paths.lock):
        play(story)


async def with_a_job(desk: Desk) -> None:
    await opened(desk)
    assert desk.window is not None
    bridge = desk.window.bridge
    await bridge.ask(send_sample)
    await until(lambda: bridge.latest is not None and bridge.latest.active > 0)


def test_quitting_with_a_job_asks_and_staying_stays(
    play: Callable[[Story], tuple[int, Desk]],
) -> None:
    async def story(desk: Desk) -> None:
        await with_a_job(desk)
        assert desk.window is not None
        desk.window.close()
        assert desk._question is not None
        press(desk._question, "Stay")
        await asyncio.sleep(0)
        assert desk._question is None
        assert desk.window.isVisible()
        desk.window.close()
        assert desk._question is not None
        press(desk._question, "Stop now")

    code, _ = play(story)
    assert code == 0


def change_settings(desk: Desk) -> Form:
    assert desk.window is not None
    page = desk.window.page_of("settings", SettingsPage)
    page.form.set_text(fields()["queue.max_depth"], "7")
    page.form.set_text(fields()["queue.concurrency"], "2")
    assert desk.window.unsaved == 2
    return page.form


def test_settings_that_are_not_saved_are_asked_about_once(
    play: Callable[[Story], tuple[int, Desk]],
) -> None:
    async def story(desk: Desk) -> None:
        await opened(desk)
        form = change_settings(desk)
        assert desk.window is not None
        desk.window.close()
        await until(lambda: desk._question is not None)
        assert isinstance(desk._question, QuitDialog)
        assert desk._question.title == "2 changed settings are not saved"
        press(desk._question, "Stay")
        assert len(form.changes) == 2
        desk.window.restart_asked.emit()
        assert isinstance(desk._question, RestartDialog)
        assert desk._question.title == "2 changed settings are not saved"
        press(desk._question, "Not now")
        desk.window.close()
        await until(lambda: desk._question is not None)
        press(desk._question, "Discard changes")

    assert play(story)[0] == 0


def test_jobs_and_settings_that_are_not_saved_are_one_question(
    play: Callable[[Story], tuple[int, Desk]],
) -> None:
    async def story(desk: Desk) -> None:
        await with_a_job(desk)
        change_settings(desk)
        assert desk.window is not None
        desk.window.close()
        question = desk._question
        assert isinstance(question, QuitDialog)
        assert question.title == "1 job is under way"
        assert "2 changed settings are not saved" in question.words
        # once the job has ended only the settings are left to ask about
        await until(lambda: isinstance(desk._question, QuitDialog) and not desk._question.has_jobs)
        assert not desk._leave.is_set()
        press(desk._question, "Discard changes")

    assert play(story)[0] == 0


def test_finishing_first_completes_the_job_and_accepts_again_at_the_next_start(
    play: Callable[[Story], tuple[int, Desk]], settings: Settings
) -> None:
    async def story(desk: Desk) -> None:
        await with_a_job(desk)
        assert desk.window is not None
        desk.window.close()
        press(desk._question, "Finish, then quit")
        words = desk.window.status._accepting
        await until(lambda: words.text() == "Finishing 1 job, then quitting")
        await until(desk._leave.is_set)
        latest = desk.window.bridge.latest
        assert latest is not None
        assert latest.active == 0

    assert play(story)[0] == 0

    async def again(desk: Desk) -> None:
        await opened(desk)
        assert desk.window is not None
        latest = desk.window.bridge.latest
        assert latest is not None
        assert latest.draining is None
        assert latest.kept == 1
        desk.leave()

    assert play(again)[0] == 0


def test_resuming_takes_the_wish_to_quit_back_for_good(
    play: Callable[[Story], tuple[int, Desk]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JIGDESK_DEMO_STEP_S", "0.5")

    async def cancel_all(core: Core) -> None:
        for job in (await core.journal.page(JobQuery())).jobs:
            await core.control.cancel(job.job_id)

    async def story(desk: Desk) -> None:
        await with_a_job(desk)
        assert desk.window is not None
        bridge = desk.window.bridge
        desk.window.close()
        press(desk._question, "Finish, then quit")
        words = desk.window.status._accepting
        await until(lambda: words.text() == "Finishing 1 job, then quitting")
        await bridge.ask(lambda core: core.control.resume())
        await until(lambda: words.text() == "Accepting jobs")
        await bridge.ask(cancel_all)
        await until(lambda: bridge.latest is not None and bridge.latest.active == 0)
        await bridge.ask(lambda core: core.control.drain())
        bridge.look_soon()
        await until(lambda: bridge.latest is not None and bridge.latest.draining is not None)
        await bridge.ask(lambda core: core.control.pause("A beat more."))
        bridge.look_soon()
        await until(lambda: bridge.latest is not None and bridge.latest.paused is not None)
        assert not desk._leave.is_set()
        desk.leave()

    assert play(story)[0] == 0


def test_the_report_of_a_bug_is_redacted() -> None:
    def fails() -> None:
        raise ValueError("token=hunter22")

    with pytest.raises(ValueError, match="token") as caught:
        fails()
    text = report(caught.value, lambda words: words.replace("hunter22", "[redacted]"))
    assert "hunter22" not in text
    assert "ValueError" in text
    assert "test_desk.py" in text


def test_a_bug_opens_one_dialog(
    qapp: QApplication, theme: Theme, capfd: pytest.CaptureFixture[str]
) -> None:
    bugs = BugBox(theme, str)
    bugs.show(ValueError("first"))
    dialog = bugs.dialog
    assert dialog is not None
    bugs.show(ValueError("second"))
    assert bugs.dialog is dialog
    dialog.copy_report()
    assert "first" in qapp.clipboard().text()
    dialog.accept()
    assert bugs.dialog is None
    assert "second" in capfd.readouterr().err


def test_a_core_that_dies_is_told_once_and_truly(
    play: Callable[[Story], tuple[int, Desk]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    dies = threading.Event()

    async def run(_: DeskMetrics) -> None:
        await asyncio.to_thread(dies.wait, PATIENCE_S)
        raise ValueError("the core breaks")

    monkeypatch.setattr(DeskMetrics, "run", run)
    beats: list[int] = []

    async def story(desk: Desk) -> None:
        await opened(desk)
        dies.set()
        await until(lambda: desk._bugs.dialog is not None)
        dialog, window = desk._bugs.dialog, desk.window
        assert dialog is not None
        assert window is not None
        words = " ".join(label.text() for label in dialog.findChildren(QLabel))
        assert "go on at the next start" in words
        window.bridge.look_soon()  # nobody answers any more, and nobody is surprised
        window.bridge.check_health()
        window.bridge.ticked.connect(beats.append)
        await asyncio.sleep(0.5)
        press(dialog, "Quit")

    with caplog.at_level("CRITICAL"):
        code, _ = play(story)
    assert code == 1
    assert beats == []
    assert capfd.readouterr().err.count("ValueError: the core breaks") == 1
    caplog.clear()


def test_a_second_start_raises_the_first(qtbot: Any, tmp_path: Path) -> None:
    assert not raise_other(tmp_path)
    single = SingleInstance(tmp_path)
    with qtbot.waitSignal(single.asked):
        assert raise_other(tmp_path)
    assert not raise_other(tmp_path / "elsewhere")
    single.close()
    assert not raise_other(tmp_path)


def test_the_process_ends_on_sigterm_and_leaves_nothing(settings: Settings) -> None:
    home = settings.paths.state_dir.parent
    env = {
        **os.environ,
        "JIGDESK_HOME": str(home),
        "JIGDESK_COMFYUI__PORT": "0",
        "JIGDESK_SERVER__PUBLIC_PORT": "0",
        "JIGDESK_SERVER__LOCAL_PORT": "0",
        "QT_QPA_PLATFORM": "offscreen",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "jigdesk"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        eventually(settings.paths.listeners.exists)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=90)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, err.decode()
    assert b"Traceback" not in err
    assert not settings.paths.listeners.exists()


def test_the_core_is_opened_again_with_what_was_saved(
    play: Callable[[Story], tuple[int, Desk]], origin: Origin, theme: Theme
) -> None:
    async def story(desk: Desk) -> None:
        await opened(desk)
        first = desk.window
        assert first is not None
        save(origin, Draft({"queue.max_depth": "7"}), KeyringAnswers())
        first.restart_asked.emit()
        await until(lambda: desk.window is not None and desk.window is not first)
        await opened(desk)
        assert desk.window is not None
        assert desk.window.bridge.core.settings.queue.max_depth == 7
        for choice in (ThemeChoice.LIGHT, ThemeChoice.DARK):  # nothing of the first one is asked
            theme.choose(choice)
        desk.leave()

    assert play(story)[0] == 0


def test_a_restart_with_a_job_asks_and_the_job_goes_on(
    play: Callable[[Story], tuple[int, Desk]],
) -> None:
    async def story(desk: Desk) -> None:
        await with_a_job(desk)
        first = desk.window
        assert first is not None
        first.restart_asked.emit()
        if desk._question is not None:  # the job may have ended just now
            press(desk._question, "Restart")
        await until(lambda: desk.window is not None and desk.window is not first)
        await opened(desk)
        await until(lambda: _all_done(desk))
        desk.leave()

    assert play(story)[0] == 0


def _all_done(desk: Desk) -> bool:
    latest = None if desk.window is None else desk.window.bridge.latest
    return latest is not None and latest.kept == 1 and latest.active == 0


def test_settings_that_do_not_start_can_be_left_for_those_of_before(
    play: Callable[[Story], tuple[int, Desk]], origin: Origin
) -> None:
    config = Path(origin.env["JIGDESK_HOME"]) / "config.toml"

    async def story(desk: Desk) -> None:
        await opened(desk)
        first, start = desk.window, desk._start
        assert first is not None
        assert start is not None
        config.write_text("[queue]\nmax_depth = 0\n")
        first.restart_asked.emit()
        await until(start._back.isVisible)
        assert "queue.max_depth" in start.words
        start.back.emit()
        await opened(desk)
        assert desk.window is not None
        assert desk.window.bridge.core.settings.queue.max_depth == 1000
        assert "max_depth = 0" in config.read_text()
        desk.leave()

    assert play(story)[0] == 0
