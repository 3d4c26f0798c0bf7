"""What the command line asks for, as the request of the jobs API and the files it sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from jigdesk.domain.described import Declared
from jigdesk.domain.ids import new_job_id
from jigdesk.domain.instructions import parse_instructions
from jigdesk.domain.keys import INSTRUCTIONS, REQUEST, is_safe_path
from jigdesk.domain.manifest import to_request
from jigdesk.settings.paths import expanded


@dataclass(frozen=True, slots=True)
class Submission:
    """A job to be sent: `request` for POST /api/jobs and the local file of each uploaded name."""

    request: Mapping[str, Any]
    files: Mapping[str, Path]


def from_options(
    workflow: str,
    params: Sequence[str],
    inputs: Sequence[str],
    schema: Mapping[str, Any],
) -> Submission:
    """One stage from `--param k=v` and `--input name=FILE`.

    `schema` is the JSON Schema of the workflow's parameters; it says what kind each value is.
    Raises typer.BadParameter (exit 2) naming the option.
    """
    known = schema.get("properties", {})
    values = {}
    for name, text in _pairs(params, "--param"):
        values[name] = param_value(text, known.get(name, {}))
    files: dict[str, Path] = {}
    named = {}
    for name, text in _pairs(inputs, "--input"):
        path = expanded(Path(text))
        try:
            is_file = path.is_file()
        except OSError as error:
            why = f"{text:.200} cannot be read: {error.strerror}"
            raise typer.BadParameter(why, param_hint="--input") from error
        if not is_file:
            raise typer.BadParameter(f"{text} is no file", param_hint="--input")
        named[name] = _upload_name(name, path, files)
        files[named[name]] = path
    return Submission({"task": workflow, "params": values, "inputs": named}, files)


def from_instructions(path: Path, catalogue: Mapping[str, Declared]) -> Submission:
    """The stages of a file in command-line form; the files that it names lie beside it.

    Raises JobError saying line and column, and typer.BadParameter (exit 2) for a missing file.
    """
    manifest = parse_instructions(path.read_bytes(), catalogue, new_job_id())
    files = {name: path.parent / name for name in manifest.files()}
    for file in files.values():
        if not file.is_file():
            raise typer.BadParameter(f"{file} is no file", param_hint="--instructions")
    return Submission({"stages": to_request(manifest)["stages"]}, files)


def param_value(text: str, schema: Mapping[str, Any]) -> Any:
    """A parameter's text as the kind of value that its schema wants.

    A text that does not fit is left as it is: the desk then names what is allowed.
    """
    wanted = schema.get("type")
    if wanted == "string":
        return text
    lowered = text.strip().lower()
    if wanted == "boolean" and lowered in ("yes", "no"):
        return lowered == "yes"
    try:
        value = json.loads(lowered)
    except ValueError:
        return text
    return value if isinstance(value, int | float | bool) else text


def _pairs(items: Sequence[str], option: str) -> Iterable[tuple[str, str]]:
    pairs: dict[str, str] = {}
    for item in items:
        name, separator, text = item.partition("=")
        if not separator or not name:
            raise typer.BadParameter(f"{item!r} is not name=value", param_hint=option)
        if name in pairs:
            raise typer.BadParameter(f"{name!r} is given twice", param_hint=option)
        pairs[name] = text
    return pairs.items()


def _upload_name(name: str, path: Path, taken: Mapping[str, Path]) -> str:
    """The file's own name where it may be a key and is free, else one made of the input's."""
    candidates = (path.name, f"{name}-{path.name}", f"{name}{path.suffix}", name)
    used = {REQUEST, INSTRUCTIONS, *(other.casefold() for other in taken)}
    for candidate in candidates:
        if candidate.casefold() not in used and is_safe_path(candidate):
            return candidate
    raise typer.BadParameter(f"{path.name!r} cannot be a file's name", param_hint="--input")
