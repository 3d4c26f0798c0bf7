"""Read every workflow template from its folders; a bad one never stops the others."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jigdesk.domain.api_graph import GRAPH, Problem
from jigdesk.domain.template import (
    MAX_GRAPH_BYTES,
    MAX_TOML_BYTES,
    Template,
    TemplateError,
    parse_template,
)
from jigdesk.domain.template_check import TOML

MAX_TEMPLATES = 1000


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What was found: sound templates and broken ones by name, and folders with their trouble.

    A name is in one of the two only. `problems` are about whole folders; `file` is their path.
    """

    templates: Mapping[str, Template]
    broken: Mapping[str, TemplateError]
    problems: tuple[Problem, ...] = ()


def load_catalogue(dirs: Iterable[Path]) -> Catalogue:
    """Read the templates of these folders; one of a later folder replaces its namesake.

    A broken one replaces its namesake as well: whoever put it there does not want the other.
    A folder that is a template itself, with one of its two files in it, is read as that one.
    Blocks: run it in a thread. Raises nothing for what lies in the folders.
    """
    templates: dict[str, Template] = {}
    broken: dict[str, TemplateError] = {}
    problems: list[Problem] = []
    for root in dirs:
        try:
            folders = _folders(root)
        except OSError as exc:
            problems.append(Problem(str(root), "", f"It cannot be read: {exc.strerror or exc}."))
            continue
        if len(folders) > MAX_TEMPLATES:
            message = f"It has {len(folders)} folders; only {MAX_TEMPLATES} are read."
            problems.append(Problem(str(root), "", message))
        for folder in folders[:MAX_TEMPLATES]:
            templates.pop(folder.name, None)
            broken.pop(folder.name, None)
            try:
                templates[folder.name] = load_template(folder, within=root)
            except TemplateError as exc:
                broken[folder.name] = exc
    return Catalogue(templates, broken, tuple(problems))


def load_template(folder: Path, *, within: Path | None = None) -> Template:
    """Read one template; raises TemplateError. Blocks.

    Neither the folder nor a file in it may be a link that leads out of `within` (the folder
    itself where it is None).
    """
    root = (within or folder).resolve()
    problems: list[Problem] = []
    bodies: list[bytes] = []
    for name, limit in ((TOML, MAX_TOML_BYTES), (GRAPH, MAX_GRAPH_BYTES)):
        try:
            bodies.append(_read(folder / name, root, limit))
        except FileNotFoundError:
            problems.append(Problem(name, "", "The file is missing."))
        except OSError as exc:
            problems.append(Problem(name, "", f"It cannot be read: {exc.strerror or exc}."))
    if problems:
        raise TemplateError(folder.name, problems)
    return parse_template(folder.name, *bodies)


def _folders(root: Path) -> list[Path]:
    if any((root / name).is_file() for name in (TOML, GRAPH)):
        return [root.resolve()]  # a name, also where it was given as `.`
    return sorted(path for path in root.iterdir() if _is_candidate(path))


def _is_candidate(path: Path) -> bool:
    return not path.name.startswith((".", "_")) and path.is_dir()


def _read(path: Path, root: Path, limit: int) -> bytes:
    """At most one byte more than `limit`, so that the parser can say what is too large."""
    try:
        real = path.resolve(strict=True)
    except RuntimeError as loop:  # what Python says before 3.13
        raise OSError(errno.ELOOP, "it is a link that leads to itself") from loop
    if not real.is_relative_to(root):
        raise PermissionError(None, "it is a link that leads out of its folder")
    if not real.is_file():  # a named pipe would block for ever
        raise PermissionError(None, "it is no regular file")
    with real.open("rb") as file:
        return file.read(limit + 1)
