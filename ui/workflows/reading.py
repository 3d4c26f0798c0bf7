"""What the host's templates are, in values for the page; knows no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jigdesk.app import Core
from ui.words import size

_FEW = 6


@dataclass(frozen=True, slots=True)
class Workflow:
    """One template. `why_not` is empty when it can run; `warnings` are its author's to mend.

    `problems` are all that the engine lacks for it, of which `why_not` names the first.
    """

    name: str
    title: str
    description: str
    why_not: str
    inputs: Sequence[tuple[str, str]]
    params: Sequence[tuple[str, str]]
    outputs: Sequence[tuple[str, str]]
    warnings: Sequence[tuple[str, str]]
    problems: Sequence[str] = ()


async def read_workflows(core: Core) -> tuple[Workflow, ...]:
    """Every template by title, those that cannot run last; runs on the core's loop."""
    templates = core.templates
    catalogue = templates.catalogue
    unavailable = templates.unavailable
    found = []
    for name, template in catalogue.templates.items():
        document = templates.available.get(name, template).describe()
        warnings = [(f"{item.file} {item.field}", item.message) for item in template.warnings]
        lacks = templates.problems.get(name, ())
        found.append(_workflow(document, unavailable.get(name, ""), warnings, lacks))
    for name, error in catalogue.broken.items():
        problems = [(f"{item.file} {item.field}", item.message) for item in error.problems]
        found.append(Workflow(name, name, "", error.message, (), (), (), problems))
    return tuple(sorted(found, key=lambda item: (bool(item.why_not), item.title.casefold())))


def _workflow(
    document: Mapping[str, Any],
    why_not: str,
    warnings: Sequence[tuple[str, str]],
    problems: Sequence[str],
) -> Workflow:
    schema = document["params"]
    return Workflow(
        document["name"],
        document["title"],
        document["description"],
        why_not,
        [(item["name"], _input_words(item)) for item in document["inputs"]],
        [(name, param_words(spec)) for name, spec in schema.get("properties", {}).items()],
        [(item["name"], _output_words(item)) for item in document["outputs"]],
        warnings,
        problems,
    )


def _input_words(item: Mapping[str, Any]) -> str:
    limit = item["max_bytes"]
    return str(item["kind"]) + (f", up to {size(limit)}" if limit else "")


def _output_words(item: Mapping[str, Any]) -> str:
    return str(item["kind"]) + (", shown while it is made" if item["partial"] else "")


def param_words(spec: Mapping[str, Any]) -> str:
    """A parameter's JSON Schema in words: `integer, 1 to 31, 3 when left out`."""
    choices = spec.get("enum")
    if isinstance(choices, list):
        few = ", ".join(str(choice) for choice in choices[:_FEW])
        more = f" and {len(choices) - _FEW} more" if len(choices) > _FEW else ""
        words = f"one of {few}{more}" if choices else "none to choose from"
    elif spec.get("format") == "seed":
        return "seed, drawn at random when left out"
    else:
        words = str(spec.get("type", "anything"))
    low, high = spec.get("minimum"), spec.get("maximum")
    if low is not None and high is not None:
        words += f", {low:g} to {high:g}"
    elif low is not None or high is not None:
        words += f", at least {low:g}" if low is not None else f", at most {high:g}"
    if "default" in spec:
        words += f", {_plain(spec['default'])} when left out"
    return words


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"“{value}”" if isinstance(value, str) else str(value)
