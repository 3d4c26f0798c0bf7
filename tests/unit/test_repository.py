"""The repository itself: what it may not hold, and that its files agree."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file is none of what it looks for.
HOSTS = ("pypi" + ".org", "python" + "hosted.org", "registry" + ".npmjs", "npmjs" + ".org/")
MACHINE_PATHS = ("/wo" + "rk/", "/ro" + "ot/")
LINKS_OUT = re.compile(r"^\s*(?:--(?:extra-)?index-url|--find-links|-f|-i)\b", re.MULTILINE)
BINARY = {".png", ".jpg", ".jpeg", ".webp", ".ico", ".woff2", ".mp4", ".gif"}
MAX_FILE_BYTES = 2_000_000


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - whichever git made the checkout
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name]


def texts() -> Iterator[tuple[Path, str]]:
    for path in tracked():
        if path.suffix not in BINARY and path.is_file() and not path.is_symlink():
            yield path.relative_to(ROOT), path.read_text(encoding="utf-8")


def pyproject() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_no_file_names_a_package_registry_or_a_path_of_some_machine() -> None:
    found = [
        f"{path}:{number}: {word}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        for word in (*HOSTS, *MACHINE_PATHS)
        if word in line
    ]
    assert found == []


def test_no_file_is_huge() -> None:
    huge = [path for path in tracked() if path.is_file() and path.stat().st_size > MAX_FILE_BYTES]
    assert huge == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_pins_every_package_with_hashes_and_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert LINKS_OUT.search(text) is None
    assert "://" not in text


def test_the_lock_files_hold_what_pyproject_asks_for() -> None:
    data = pyproject()
    project, groups = data["project"], data["dependency-groups"]
    assert isinstance(project, dict)
    assert isinstance(groups, dict)
    wanted = {
        "requirements.lock": [*project["dependencies"], *groups["build"]],
        "requirements-dev.lock": [*project["dependencies"], *groups["build"], *groups["dev"]],
    }
    for name, requirements in wanted.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)(?:\[.*?\])?==", text, re.MULTILINE))
        asked = {normal(re.split(r"[\[<>=;! ]", item, maxsplit=1)[0]) for item in requirements}
        assert asked <= locked, f"run `make lock`: {sorted(asked - locked)} missing in {name}"


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_both_lock_files_agree() -> None:
    pins = []
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        pins.append(set(re.findall(r"^(\S+==[^\s\\]+)", text, re.MULTILINE)))
    assert pins[0] <= pins[1]


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert pyproject()["project"]["license"] == "Apache-2.0"  # type: ignore[index]


def test_local_links_of_the_documents_lead_somewhere() -> None:
    broken = [
        f"{path}: {target}"
        for path, text in texts()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (ROOT / path.parent / target).exists()
    ]
    assert broken == []


def test_the_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test", "run", "lint", "bench", "lock"} <= targets
    for name in ("README.md", "CONTRIBUTING.md"):
        used = re.findall(r"\bmake ([a-z]+)\b(?=`|\s+#)", (ROOT / name).read_text("utf-8"))
        assert set(used) <= targets


def test_the_tests_that_keep_the_troubles_of_others_away_are_there() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (ROOT / "docs/troubles.md").read_text("utf-8"))
    assert len(named) > 20
    gone = [
        f"{path}::{test}"
        for path, test in named
        if not (file := ROOT / "tests" / path).is_file()
        or f"def {test}(" not in file.read_text(encoding="utf-8")
    ]
    assert gone == []
