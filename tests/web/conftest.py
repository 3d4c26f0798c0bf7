"""The job dock in a real browser, in front of a real desk.

Playwright's synchronous side keeps a loop of its own running in this thread: the tests of a module
are all synchronous, and the browser ends with the module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, FilePayload, Page

from tests.harness.serving import Serving, serving
from tests.harness.waiting import PATIENCE_S
from tests.realparts.chromium import may_skip, run_chromium

WAIT_MS = round(1000 * PATIENCE_S)
WATCH_POLICY = """
addEventListener('securitypolicyviolation', (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


@dataclass
class Visit:
    """A visitor: a browser profile with the dock open, and what its console complained of."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def choose(self, workflow: str, *files: tuple[str, bytes]) -> None:
        """Fill in the form's workflow and its pictures."""
        self.page.select_option("#workflow", workflow)
        self.page.set_input_files(
            "input[type=file]",
            [FilePayload(name=name, mimeType="image/png", buffer=body) for name, body in files],
        )

    def send(self, workflow: str, *files: tuple[str, bytes], **params: object) -> None:
        """Send a job for each file."""
        self.choose(workflow, *files)
        for name, value in params.items():
            self.page.fill(f"[data-param={name}]", str(value))
        self.page.click("button[type=submit]")

    def card(self, status: str, count: int = 1) -> None:
        """Wait until exactly `count` cards are in a state."""
        selector = f"li[data-status={status}]"
        self.until(
            "([selector, count]) => document.querySelectorAll(selector).length === count",
            [selector, count],
        )

    def until(self, expression: str, argument: object = None) -> None:
        """Wait until it is true in the page; Playwright's own way needs eval, which we forbid."""
        deadline_s = time.monotonic() + PATIENCE_S
        while not self.page.evaluate(expression, argument):
            assert time.monotonic() < deadline_s, f"{expression} {argument or ''}"
            self.page.wait_for_timeout(20)

    def text(self, selector: str) -> str:
        """The words of the one element that is found."""
        return self.page.locator(selector).inner_text()

    def client_id(self) -> str:
        return str(self.page.evaluate("localStorage.getItem('jigdesk.client_id')"))


Visitor = Callable[..., Visit]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if may_skip():
        pytest.skip("Chromium is not installed")
    with run_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One desk for a module; each visitor sees only its own jobs."""
    home = tmp_path_factory.mktemp("dock") / "home"
    with serving(home, {"JIGDESK_DEMO_STEP_S": "0.2"}) as running:
        yield running


@pytest.fixture
def visitor(chromium: Browser, desk: Serving) -> Iterator[Visitor]:
    """Makes visitors: `visitor(width=…, …)`; options are those of a browser context."""
    with ExitStack() as stack:

        def come(
            url: str = "", *, width: int = 1280, height: int = 860, **options: object
        ) -> Visit:
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                **options,  # type: ignore[arg-type]
            )
            stack.callback(context.close)
            context.set_default_timeout(WAIT_MS)
            context.add_init_script(WATCH_POLICY)
            page = context.new_page()
            visit = Visit(context, page)

            def heard(message: ConsoleMessage) -> None:
                if message.type in ("error", "warning"):
                    visit.complaints.append(message.text)

            def broke(error: Error) -> None:
                visit.complaints.append(str(error))

            page.on("console", heard)
            page.on("pageerror", broke)
            page.goto(f"{url or desk.local_url}/dock")
            page.wait_for_selector("#workflow")
            page.wait_for_selector("#loading", state="hidden")
            return visit

        yield come
