"""The settings' fields as a list: what the loader, `config` and the documentation share."""

from __future__ import annotations

import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from jigdesk.settings.model import HOSTED_LIMITS, Settings
from jigdesk.settings.types import Allowed

ENV_PREFIX = "JIGDESK_"


@dataclass(frozen=True, slots=True)
class SettingField:
    """One key: `section` is empty for a key at the top of config.toml."""

    section: str
    name: str
    allowed: str
    description: str
    default: Any
    secret: bool
    is_list: bool
    is_path: bool

    @property
    def key(self) -> str:
        """`section.key`, as messages and `config set` write it."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def env(self) -> str:
        """The environment variable that overrides it."""
        middle = f"{self.section}__" if self.section else ""
        return f"{ENV_PREFIX}{middle}{self.name}".upper()

    @property
    def file_name(self) -> str:
        """The name of a secret's file."""
        return f"{self.section}__{self.name}"

    @property
    def hosted_default(self) -> int | None:
        """The default with `store.kind = "s3"` where it differs, else None."""
        return HOSTED_LIMITS.get(self.name) if self.section == "limits" else None


@dataclass(frozen=True, slots=True)
class SettingSection:
    """One section of config.toml with its keys in order."""

    name: str
    description: str
    fields: tuple[SettingField, ...]


@cache
def sections() -> tuple[SettingSection, ...]:
    """Every section, in the order of the model."""
    found = []
    for name, info in Settings.model_fields.items():
        model = info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = tuple(_field(name, key, sub) for key, sub in model.model_fields.items())
            found.append(SettingSection(name, (model.__doc__ or "").strip(), fields))
    return tuple(found)


@cache
def fields() -> dict[str, SettingField]:
    """Every key by its dotted name, the top-level ones first."""
    top = (_field("", "secrets_dir", Settings.model_fields["secrets_dir"]),)
    inner = (field for section in sections() for field in section.fields)
    return {field.key: field for field in (*top, *inner)}


def _field(section: str, name: str, info: FieldInfo) -> SettingField:
    annotation = info.annotation
    leaves = tuple(_leaves(annotation))
    return SettingField(
        section=section,
        name=name,
        allowed=_allowed(annotation, info.metadata),
        description=info.description or "",
        default=info.default,
        secret=SecretStr in leaves,
        is_list=get_origin(annotation) is tuple,
        is_path=Path in leaves,
    )


def _leaves(annotation: Any) -> Iterable[Any]:
    arguments = get_args(annotation)
    if not arguments or get_origin(annotation) is Literal:
        yield annotation
        return
    for argument in arguments:
        yield from _leaves(argument)


def _allowed(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """Completes "must be …" for a type: its own `Allowed`, else what its bounds say."""
    marks = list(metadata)
    if hasattr(annotation, "__metadata__"):
        marks += annotation.__metadata__
        annotation = get_args(annotation)[0]
    for mark in marks:
        if isinstance(mark, Allowed):
            return mark.text
    origin = get_origin(annotation)
    if origin is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(annotation))
    if origin is tuple:
        return f"a list, each {_allowed(get_args(annotation)[0])}"
    if origin in (Union, types.UnionType):
        return _allowed(next(a for a in get_args(annotation) if a is not types.NoneType), marks)
    if annotation in (int, float):
        return _number(annotation is int, marks)
    return "true or false" if annotation is bool else "a text"


def _number(whole: bool, marks: Iterable[Any]) -> str:
    bounds: dict[str, float] = {}
    for mark in marks:
        for part in (mark, *getattr(mark, "metadata", ())):
            for side in ("ge", "gt", "le", "lt"):
                if getattr(part, side, None) is not None:
                    bounds[side] = getattr(part, side)
    noun = "a whole number" if whole else "a number"
    low = f" above {bounds['gt']:g}" if "gt" in bounds else ""
    if "ge" in bounds:
        low = f" from {bounds['ge']:g}"
    high = "" if bounds.get("le", 2**53) >= 2**53 else f" up to {bounds['le']:.0f}"
    return noun + low + high
