"""What a form makes of each setting: read from the model's types, so that it follows the model."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import SecretStr

from jigdesk.settings.fields import SettingField
from jigdesk.settings.model import Settings
from jigdesk.settings.types import Folder

_UNITS = {
    "s": "seconds",
    "seconds": "seconds",
    "ms": "ms",
    "minutes": "minutes",
    "hours": "hours",
    "bytes": "bytes",
    "pixels": "pixels",
    "percent": "%",
}
"""By the last word of a key's name that is one."""


class Kind(StrEnum):
    """What one value is; of a list, what each of its items is."""

    SWITCH = "switch"
    CHOICE = "choice"
    INTEGER = "integer"
    NUMBER = "number"
    FOLDER = "folder"
    FILE = "file"
    SECRET = "hidden"  # noqa: S105 - a kind's name
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Shape:
    """A setting's kind; `unit` is empty for what has none, `choices` for what is no choice."""

    kind: Kind
    is_list: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""

    @property
    def is_json(self) -> bool:
        """Whether its text is JSON: numbers, switches and lists."""
        return self.is_list or self.kind in (Kind.INTEGER, Kind.NUMBER, Kind.SWITCH)


@cache
def shape_of(entry: SettingField) -> Shape:
    """The shape of a key of the model; a type that is not known here is a text."""
    annotation = _annotation(entry)
    leaves = tuple(_leaves(annotation))
    choices = next((get_args(leaf) for leaf in leaves if get_origin(leaf) is Literal), ())
    kind = _kind(annotation, leaves, has_choices=bool(choices))
    number = kind in (Kind.INTEGER, Kind.NUMBER)
    return Shape(
        kind,
        is_list=entry.is_list,
        choices=tuple(str(choice) for choice in choices),
        unit=_unit(entry.name) if number else "",
    )


def _unit(name: str) -> str:
    return next((_UNITS[word] for word in reversed(name.split("_")) if word in _UNITS), "")


def _annotation(entry: SettingField) -> Any:
    model: Any = Settings
    if entry.section:
        model = Settings.model_fields[entry.section].annotation
    info = model.model_fields[entry.name]
    # the model keeps an outer Annotated's marks beside the type
    return info.annotation, tuple(info.metadata)


def _kind(annotation: Any, leaves: tuple[Any, ...], *, has_choices: bool) -> Kind:
    if SecretStr in leaves:
        return Kind.SECRET
    if has_choices:
        return Kind.CHOICE
    if Path in leaves:
        folder = get_args(Folder)[1]
        return Kind.FOLDER if folder in _marks(annotation) else Kind.FILE
    for plain, kind in ((bool, Kind.SWITCH), (int, Kind.INTEGER), (float, Kind.NUMBER)):
        if plain in leaves:
            return kind
    return Kind.TEXT


def _leaves(annotation: Any) -> Iterator[Any]:
    """The plain types in an annotation, Literals whole."""
    if isinstance(annotation, tuple):
        yield from _leaves(annotation[0])
    elif hasattr(annotation, "__metadata__"):
        yield from _leaves(get_args(annotation)[0])
    elif get_origin(annotation) in (tuple, Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _leaves(argument)
    else:
        yield annotation


def _marks(annotation: Any) -> Iterator[Any]:
    """Everything that Annotated says anywhere in an annotation."""
    if isinstance(annotation, tuple):
        yield from annotation[1]
        yield from _marks(annotation[0])
        return
    yield from getattr(annotation, "__metadata__", ())
    for argument in get_args(annotation):
        if get_origin(annotation) is not Literal:
            yield from _marks(argument)
