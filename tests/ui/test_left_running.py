"""The guard of the window's tests finds a thread that is left, and waits for one that ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from PySide6.QtCore import QThread

from tests.harness.waiting import PATIENCE_S
from tests.ui.left_running import left_running, threads_now

AT_ONCE_S = 0.05


@contextmanager
def running(name: str) -> Iterator[threading.Event]:
    go = threading.Event()
    thread = threading.Thread(target=go.wait, args=(PATIENCE_S,), name=name, daemon=True)
    thread.start()
    try:
        yield go
    finally:
        go.set()
        thread.join()


def test_a_thread_that_is_left_is_found() -> None:
    before = threads_now()
    with running("forgotten"):
        assert left_running(before, AT_ONCE_S) == ["forgotten"]
    assert left_running(before, AT_ONCE_S) == []


def test_one_that_was_there_before_is_not_counted() -> None:
    with running("older"):
        assert left_running(threads_now(), AT_ONCE_S) == []


def test_one_that_ends_by_itself_is_waited_for() -> None:
    before = threads_now()
    with running("ending") as go:
        threading.Timer(0.1, go.set).start()
        assert left_running(before, PATIENCE_S) == []


def test_a_thread_of_qt_that_runs_is_found(qapp: object) -> None:
    thread = QThread()
    thread.start()
    try:
        assert len(left_running(threads_now(), AT_ONCE_S)) == 1
    finally:
        thread.quit()
        assert thread.wait(round(1000 * PATIENCE_S))
    assert left_running(threads_now(), AT_ONCE_S) == []
