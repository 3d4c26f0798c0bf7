"""docs/settings.md and the README against the settings' model."""

from __future__ import annotations

from pathlib import Path

from jigdesk.settings.document import settings_markdown
from jigdesk.settings.fields import fields, sections
from jigdesk.settings.secrets import KEYRING_TIMEOUT_S

ROOT = Path(__file__).parents[3]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == settings_markdown(), "run `make docs`"


def test_the_page_says_how_long_the_keyring_is_waited_for() -> None:
    assert f"for {KEYRING_TIMEOUT_S:g} seconds at most" in settings_markdown()


def test_every_key_is_described() -> None:
    assert all(entry.description.endswith(".") and entry.allowed for entry in fields().values())


def test_the_readme_names_every_section() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert named == [section.name for section in sections()]
