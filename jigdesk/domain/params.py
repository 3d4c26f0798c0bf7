"""A workflow's parameters: their types, their bounds, and both as JSON Schema."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.manifest import MAX_INTEGER, MAX_TEXT_CHARS, MIN_INTEGER, Scalar, is_scalar
from jigdesk.domain.wording import is_encodable, nearest, quoted

Draw = Callable[[], int]
"""Draws a random whole number from 0 to 2**53 - 1, which JSON and JavaScript keep exactly."""


class ParamType(StrEnum):
    """What a parameter's value is."""

    INTEGER = "integer"
    NUMBER = "number"
    STRING = "string"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    SEED = "seed"

    @property
    def is_numeric(self) -> bool:
        """Whether `minimum` and `maximum` mean something."""
        return self in (ParamType.INTEGER, ParamType.NUMBER, ParamType.SEED)


_WHOLE = (ParamType.INTEGER, ParamType.SEED)


@dataclass(frozen=True, slots=True)
class Target:
    """An input of a node of the graph."""

    node: str
    input: str


@dataclass(frozen=True, slots=True)
class ParamSpec:
    """A declared parameter.

    `default` None means that a value is required (a seed's is drawn); `minimum` and `maximum`
    are None where there is no bound. `targets` is empty where the spec was read from a schema.
    `from_engine`: `choices` is what the engine offers, and empty until it was asked.
    """

    name: str
    type: ParamType
    default: Scalar | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Scalar, ...] = ()
    targets: tuple[Target, ...] = ()
    from_engine: bool = False

    @property
    def is_required(self) -> bool:
        """Whether a manifest must give a value."""
        return self.default is None and self.type is not ParamType.SEED

    @property
    def lowest(self) -> float:
        """The least value allowed (-inf for a number without a bound)."""
        unbound = {ParamType.SEED: 0, ParamType.INTEGER: MIN_INTEGER}.get(self.type, -math.inf)
        return unbound if self.minimum is None else max(unbound, self.minimum)

    @property
    def highest(self) -> float:
        """The greatest value allowed (inf for a number without a bound)."""
        unbound = math.inf if self.type is ParamType.NUMBER else MAX_INTEGER
        return unbound if self.maximum is None else min(unbound, self.maximum)

    def check(self, value: object, field: str) -> Scalar:
        """Return `value` as its type: 3.0 becomes 3 for an integer, 3 becomes 3.0 for a number.

        Raises JobError(INVALID_PARAMETER) that says what is allowed.
        """
        if self.type.is_numeric:
            return self._check_number(value, field)
        if self.type is ParamType.BOOLEAN:
            if not isinstance(value, bool):
                self._refuse(value, field)
            return value
        if self.type is ParamType.CHOICE:
            for choice in self.choices:
                if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                    return choice
            hint = nearest(value if isinstance(value, str) else "", map(str, self.choices))
            raise _invalid(f"{self.name} cannot be {quoted(value)}.{hint}", field)
        if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS or not is_encodable(value):
            self._refuse(value, field)
        return value

    def draw(self, draw: Draw) -> int:
        """A random seed within the bounds."""
        low = math.ceil(self.lowest)
        return low + draw() % (math.floor(self.highest) - low + 1)

    def to_schema(self) -> dict[str, Any]:
        """The parameter as JSON Schema; a seed is an integer of format `seed`."""
        schema: dict[str, Any] = {}
        if self.type is ParamType.CHOICE:
            schema["enum"] = list(self.choices)
        elif self.type is ParamType.SEED:
            schema |= {"type": "integer", "format": "seed", "minimum": 0}
        else:
            schema["type"] = self.type.value
        if self.type is ParamType.STRING:
            schema["maxLength"] = MAX_TEXT_CHARS
        for name in ("minimum", "maximum", "default"):
            value = getattr(self, name)
            if value is not None:
                schema[name] = value
        return schema

    def _check_number(self, value: object, field: str) -> Scalar:
        if not is_scalar(value) or isinstance(value, bool | str):
            self._refuse(value, field)
        if self.type in _WHOLE and value != math.floor(value):
            self._refuse(value, field)
        if not self.lowest <= value <= self.highest:
            self._refuse(value, field)
        return int(value) if self.type in _WHOLE else float(value)

    def _refuse(self, value: object, field: str) -> NoReturn:
        noun = {
            ParamType.NUMBER: "a number",
            ParamType.BOOLEAN: "true or false",
            ParamType.STRING: f"a text of at most {MAX_TEXT_CHARS:,} characters",
        }.get(self.type, "a whole number")
        bounds = ""
        if self.minimum is not None and self.maximum is not None:
            bounds = f" from {self.minimum} to {self.maximum}"
        elif self.minimum is not None:
            bounds = f" of at least {self.minimum}"
        elif self.maximum is not None:
            bounds = f" of at most {self.maximum}"
        raise _invalid(f"{self.name} must be {noun}{bounds}, not {quoted(value)}.", field)


def check_params(
    specs: Mapping[str, ParamSpec], params: Mapping[str, object], at: str = "params"
) -> dict[str, Scalar]:
    """Check what was given, fill nothing in; `at` is the field path of the parameters.

    Raises JobError(INVALID_PARAMETER) for an unknown name, a bad value, and a missing one that
    has no default.
    """
    checked: dict[str, Scalar] = {}
    for name, value in params.items():
        spec = specs.get(name)
        if spec is None:
            hint = nearest(name, specs) if specs else " This workflow takes none."
            raise _invalid(f"There is no parameter {quoted(name)}.{hint}", f"{at}.{name}")
        checked[name] = spec.check(value, f"{at}.{name}")
    for name, spec in specs.items():
        if spec.is_required and name not in checked:
            raise _invalid(f"{name} must be given.", f"{at}.{name}")
    return checked


def bound_params(
    specs: Mapping[str, ParamSpec], params: Mapping[str, object], draw: Draw, at: str = "params"
) -> dict[str, Scalar]:
    """Every parameter in the order of its declaration: given, default, or a drawn seed.

    Raises as `check_params`.
    """
    checked = check_params(specs, params, at)
    bound: dict[str, Scalar] = {}
    for name, spec in specs.items():
        if name in checked:
            bound[name] = checked[name]
        elif spec.type is ParamType.SEED:
            bound[name] = spec.draw(draw)
        elif spec.default is not None:
            bound[name] = spec.default
    return bound


def params_schema(specs: Mapping[str, ParamSpec]) -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a workflow's parameters."""
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: spec.to_schema() for name, spec in specs.items()},
        "additionalProperties": False,
    }
    required = [name for name, spec in specs.items() if spec.is_required]
    if required:
        schema["required"] = required
    return schema


def spec_from_schema(name: str, schema: object) -> ParamSpec | None:
    """The inverse of `ParamSpec.to_schema`; None for a schema that is none of ours.

    Bounds and defaults that make no sense are taken as absent: the desk checks again.
    """
    if not isinstance(schema, Mapping):
        return None
    default = schema.get("default")
    default = default if is_scalar(default) else None
    choices = schema.get("enum")
    if isinstance(choices, list) and choices and all(is_scalar(choice) for choice in choices):
        return ParamSpec(name, ParamType.CHOICE, default, choices=tuple(choices))
    kind = schema.get("type")
    if not isinstance(kind, str) or kind not in ("integer", "number", "string", "boolean"):
        return None
    type_ = ParamType(kind)
    if type_ is ParamType.INTEGER and schema.get("format") == "seed":
        type_ = ParamType.SEED
    minimum, maximum = (_bound(schema.get(key), type_) for key in ("minimum", "maximum"))
    if minimum is not None and maximum is not None and minimum > maximum:
        minimum = maximum = None
    return ParamSpec(name, type_, default, minimum, maximum)


def _bound(value: object, type_: ParamType) -> float | None:
    if not is_scalar(value) or isinstance(value, bool | str):
        return None
    return value if type_.is_numeric else None


def _invalid(message: str, field: str) -> JobError:
    return JobError(ErrorCode.INVALID_PARAMETER, message, field=field)
