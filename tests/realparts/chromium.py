"""Chromium, a real browser, driven by Playwright: what a visitor sees and what the page says.

The program is the system's own (Debian's package `chromium`); Playwright downloads none.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.harness.waiting import PATIENCE_S

DEEP = 40
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_chromium() -> str | None:
    """The `chromium` program on PATH; None when it is not installed."""
    return shutil.which("chromium")


def may_skip() -> bool:
    """Whether tests may go without a browser: never in CI, which installs one."""
    return find_chromium() is None and not os.environ.get("CI")


@contextmanager
def run_chromium() -> Iterator[Browser]:
    """Start a browser with no window; raises RuntimeError when it is not installed."""
    program = find_chromium()
    if program is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        if len(tempfile.gettempdir()) > DEEP:
            patch.setenv("TMPDIR", "/tmp")  # its sockets would find no room in their paths
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path=program, args=list(ARGUMENTS), timeout=1000 * PATIENCE_S
        )
        try:
            yield browser
        finally:
            browser.close()
