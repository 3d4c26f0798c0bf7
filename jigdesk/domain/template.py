"""A workflow template: a graph that lies on the host, and what a manifest may set in it."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jigdesk.domain import template_check as check
from jigdesk.domain.api_graph import Problem, Report, node_title, read_graph
from jigdesk.domain.described import (
    INPUT_KINDS,
    OUTPUT_KINDS,
    InputSpec,
    OutputSpec,
    describe,
)
from jigdesk.domain.engine import Graph
from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.ids import is_stage_name
from jigdesk.domain.params import ParamSpec, params_schema
from jigdesk.domain.template_check import TOML

__all__ = ["InputSpec", "OutputSpec", "Problem", "Template", "TemplateError", "parse_template"]

MAX_TOML_BYTES = 256 * 1024
MAX_GRAPH_BYTES = 8 * 1024 * 1024
MAX_TIMEOUT_S = 7 * 24 * 3600
_MAX_TITLE_CHARS = 200
_MAX_DESCRIPTION_CHARS = 4000


class TemplateError(JigDeskError):
    """A template cannot be used; `problems` names each fault by file and field."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = tuple(problems)
        first = str(self.problems[0]) if self.problems else "unknown"
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        super().__init__("bad_template", f"Workflow {name!r}: {first}{more}")


@dataclass(frozen=True, slots=True)
class Template:
    """A checked template.

    `timeout_s` is None where the settings' own limit applies; `sha256` (hex) is over both
    files, whose bytes are `toml_source` and `graph_source`, so that a job under way can keep
    them; `graph` must not be changed: `binding.bind` copies it.
    """

    name: str
    title: str
    description: str
    timeout_s: float | None
    inputs: Mapping[str, InputSpec]
    params: Mapping[str, ParamSpec]
    outputs: Mapping[str, OutputSpec]
    graph: Graph
    sha256: str
    toml_source: bytes = field(repr=False)
    graph_source: bytes = field(repr=False)
    warnings: tuple[Problem, ...] = ()

    def params_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of the parameters."""
        return params_schema(self.params)

    def describe(self) -> dict[str, Any]:
        """What GET /api/workflows and hosts/{host_id}/workflows.json say of it."""
        return describe(
            self.name, self.title, self.description, self.inputs, self.outputs, self.params
        )

    def node_class(self, node: str) -> str:
        """A node's class; empty for a node that the graph does not have."""
        found = self.graph.get(node)
        return "" if found is None else str(found["class_type"])

    def node_title(self, node: str) -> str:
        """The node's `_meta.title`, else its class, else its id."""
        return node_title(self.graph, node)


def parse_template(name: str, toml_bytes: bytes, graph_bytes: bytes) -> Template:
    """Read workflow.toml and graph.json of the template `name`.

    Raises TemplateError with every problem that was found; keys that are not known become
    warnings.
    """
    report = Report()
    if not is_stage_name(name):
        report.problem("", "", "The folder's name must be of a-z, 0-9, - and _, at most 63.")
    graph = read_graph(graph_bytes, MAX_GRAPH_BYTES, report)
    table = _read_toml(toml_bytes, report)
    if table is None:
        raise TemplateError(name, report.problems)
    reader = check.Declarations(graph, report)
    title = reader.text(table, "title", _MAX_TITLE_CHARS, required=True)
    description = reader.text(table, "description", _MAX_DESCRIPTION_CHARS, required=False)
    timeout_s = _timeout_s(table.get("timeout_s"), report)
    reader.unknown(table, "", {"title", "description", "timeout_s", "inputs", "params", "outputs"})
    inputs = {
        key: inlet
        for key, item in reader.tables(table, "inputs")
        if (inlet := reader.input(key, item, INPUT_KINDS)) is not None
    }
    params = {
        key: param
        for key, item in reader.tables(table, "params")
        if (param := reader.param(key, item)) is not None
    }
    outputs = {
        key: outlet
        for key, item in reader.tables(table, "outputs")
        if (outlet := reader.output(key, item, OUTPUT_KINDS)) is not None
    }
    if not table.get("outputs"):
        report.problem(TOML, "outputs", "Declare at least one output.")
    check.check_names(inputs, params, report)
    if report.problems or graph is None:
        raise TemplateError(name, report.problems)
    return Template(
        name,
        title,
        description,
        timeout_s,
        inputs,
        params,
        outputs,
        graph,
        _digest(toml_bytes, graph_bytes),
        toml_bytes,
        graph_bytes,
        tuple(report.warnings),
    )


def _read_toml(body: bytes, report: Report) -> dict[str, Any] | None:
    if len(body) > MAX_TOML_BYTES:
        report.problem(TOML, "", f"It has {len(body)} bytes, {MAX_TOML_BYTES} are allowed.")
        return None
    try:
        return tomllib.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        report.problem(TOML, "", f"Byte {exc.start + 1} is not UTF-8.")
    except tomllib.TOMLDecodeError as exc:
        report.problem(TOML, "", f"It is not TOML: {exc}.")
    except RecursionError:
        report.problem(TOML, "", "It nests too deep.")
    return None


def _timeout_s(value: object, report: Report) -> float | None:
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 < value <= MAX_TIMEOUT_S
    ):
        report.problem(TOML, "timeout_s", f"This must be a number above 0, up to {MAX_TIMEOUT_S}.")
        return None
    return float(value)


def _digest(toml_bytes: bytes, graph_bytes: bytes) -> str:
    """One SHA-256 over both files; each is hashed first, so that none can run into the other."""
    whole = hashlib.sha256()
    for part in (toml_bytes, graph_bytes):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()
