"""A workflow as it is told to browsers and Lambdas: names, inputs, outputs, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jigdesk.domain.ids import is_stage_name
from jigdesk.domain.manifest import Scalar
from jigdesk.domain.params import ParamSpec, Target, check_params, params_schema, spec_from_schema

INPUT_KINDS = ("image", "mask", "video", "audio", "model3d", "text")
OUTPUT_KINDS = INPUT_KINDS


@dataclass(frozen=True, slots=True)
class InputSpec:
    """A declared input; every one must be given. `max_bytes` is None where it has no limit."""

    name: str
    kind: str
    max_bytes: int | None = None
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """A declared output; `partial` results show how far the work is. `node` may be empty."""

    name: str
    kind: str
    node: str = ""
    partial: bool = False


class Declared(Protocol):
    """What a workflow takes: all that a manifest needs to know of a template."""

    @property
    def params(self) -> Mapping[str, ParamSpec]:
        """The declared parameters by name."""

    @property
    def inputs(self) -> Mapping[str, InputSpec]:
        """The declared inputs by name."""


@dataclass(frozen=True, slots=True)
class Described:
    """A workflow read from hosts/{host_id}/workflows.json or GET /api/workflows."""

    name: str
    title: str
    description: str
    inputs: Mapping[str, InputSpec]
    outputs: Mapping[str, OutputSpec]
    params: Mapping[str, ParamSpec]


def describe(
    name: str,
    title: str,
    description: str,
    inputs: Mapping[str, InputSpec],
    outputs: Mapping[str, OutputSpec],
    params: Mapping[str, ParamSpec],
) -> dict[str, Any]:
    """The JSON of one workflow; `params` is a JSON Schema."""
    return {
        "name": name,
        "title": title,
        "description": description,
        "inputs": [
            {"name": item.name, "kind": item.kind, "max_bytes": item.max_bytes}
            for item in inputs.values()
        ],
        "outputs": [
            {"name": item.name, "kind": item.kind, "partial": item.partial}
            for item in outputs.values()
        ],
        "params": params_schema(params),
    }


def read_described(data: object) -> Described | None:
    """Read one described workflow; None when it is not one. Odd entries in it are left out."""
    if not isinstance(data, Mapping):
        return None
    name = data.get("name")
    if not isinstance(name, str) or not is_stage_name(name):
        return None
    title, description = data.get("title"), data.get("description")
    schema = data.get("params")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    specs = {
        key: spec
        for key, value in (properties if isinstance(properties, Mapping) else {}).items()
        if isinstance(key, str) and (spec := spec_from_schema(key, value)) is not None
    }
    return Described(
        name,
        title if isinstance(title, str) else name,
        description if isinstance(description, str) else "",
        {
            item["name"]: InputSpec(item["name"], item["kind"], _limit(item.get("max_bytes")))
            for item in _named(data.get("inputs"))
        },
        {
            item["name"]: OutputSpec(
                item["name"], item["kind"], partial=item.get("partial") is True
            )
            for item in _named(data.get("outputs"))
        },
        specs,
    )


def check_described(described: object, params: Mapping[str, object]) -> dict[str, Scalar]:
    """Check parameters against a described workflow, as JSON came from the store.

    Raises JobError(INVALID_PARAMETER). A property that this version does not understand lets
    any value through: the desk checks again with its template.
    """
    workflow = read_described(described)
    if workflow is None:
        return {}
    schema = described.get("params") if isinstance(described, Mapping) else None
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping):
        return {}
    understood = {
        name: value
        for name, value in params.items()
        if name in workflow.params or name not in properties
    }
    return check_params(workflow.params, understood)


def _named(items: object) -> list[Mapping[str, Any]]:
    if not isinstance(items, list):
        return []
    return [
        item
        for item in items
        if isinstance(item, Mapping)
        and isinstance(item.get("name"), str)
        and item.get("kind") in INPUT_KINDS
    ]


def _limit(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
