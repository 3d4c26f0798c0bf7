"""What is wrong with a template: every fault by file and field, all at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jigdesk.domain.api_graph import Report
from jigdesk.domain.described import InputSpec, OutputSpec
from jigdesk.domain.engine import Graph
from jigdesk.domain.errors import JobError
from jigdesk.domain.ids import is_stage_name
from jigdesk.domain.manifest import MAX_INPUTS, MAX_PARAMS, Scalar, is_scalar
from jigdesk.domain.params import ParamSpec, ParamType, Target
from jigdesk.domain.wording import nearest, quoted

TOML = "workflow.toml"
_MAX_CHOICES = 1000
_PARAM_KEYS = {"type", "default", "minimum", "maximum", "choices", "choices_from", "targets"}

# Inputs that name files whatever the class; the rest of a loader's texts are caught by class.
_FILE_INPUT = re.compile(
    r"(.*_)?(file_?name(_prefix)?|file|path|dir|directory|folder|subfolder)\d*"
    r"|(ckpt|lora|vae|unet|clip|clip_vision|control_net|style_model|model|gligen|hypernetwork"
    r"|embedding|checkpoint|diffusion_model|text_encoder)_name\d*",
    re.IGNORECASE,
)


def check_names(
    inputs: Mapping[str, InputSpec], params: Mapping[str, ParamSpec], report: Report
) -> None:
    """Refuse names that an option of instructions.txt could not tell apart, and shared targets."""
    options: dict[str, str] = {}
    targets: dict[Target, str] = {}
    named: list[tuple[str, str, tuple[Target, ...]]] = [
        *(("inputs", name, spec.targets) for name, spec in inputs.items()),
        *(("params", name, spec.targets) for name, spec in params.items()),
    ]
    for area, name, aims in named:
        at = f"{area}.{name}"
        other = options.setdefault(name.replace("-", "_"), at)
        if other != at:
            report.problem(TOML, at, f"As an option it has the same name as {other}.")
        for target in aims:
            other = targets.setdefault(target, at)
            if other != at:
                aim = f"{target.node}.{target.input}"
                report.problem(TOML, f"{at}.targets", f"{other} sets {aim} already.")


@dataclass(frozen=True, slots=True)
class Declarations:
    """Reads the tables of workflow.toml against a graph (None when it could not be read)."""

    graph: Graph | None
    report: Report

    def text(self, table: Mapping[str, Any], key: str, limit: int, *, required: bool) -> str:
        """A text of the top level; empty when it is left out."""
        value = table.get(key)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or len(value) > limit or (required and not value.strip()):
            self.report.problem(TOML, key, f"This must be a text of at most {limit} characters.")
            return ""
        return value

    def unknown(self, table: Mapping[str, Any], at: str, known: set[str]) -> None:
        """Warn of keys that mean nothing."""
        for key in table:
            if key not in known:
                hint = nearest(key, known)
                self.report.warning(TOML, f"{at}{key}", f"This key is not known.{hint}")

    def tables(
        self, table: Mapping[str, Any], area: str
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """The declarations of an area (`inputs`, `params`, `outputs`) whose names are sound."""
        entries = table.get(area, {})
        limit = MAX_INPUTS if area == "inputs" else MAX_PARAMS
        if not isinstance(entries, Mapping) or len(entries) > limit:
            self.report.problem(TOML, area, f"This must be a table of at most {limit} tables.")
            return
        for key, item in entries.items():
            if not is_stage_name(key):
                self.report.problem(TOML, area, f"{quoted(key)} is not a name: use a-z, 0-9, -, _.")
            elif not isinstance(item, Mapping):
                self.report.problem(TOML, f"{area}.{key}", f"Write it as [{area}.{key}].")
            else:
                yield key, item

    def input(self, name: str, item: Mapping[str, Any], kinds: Sequence[str]) -> InputSpec | None:
        """Read `[inputs.name]`; None when something is wrong."""
        at = f"inputs.{name}."
        self.unknown(item, at, {"kind", "targets", "max_bytes"})
        kind = self._kind(item, at, kinds)
        targets = self._targets(item, at)
        max_bytes = item.get("max_bytes")
        if max_bytes is not None and (
            isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1
        ):
            self.report.problem(TOML, f"{at}max_bytes", "This must be a whole number above 0.")
            return None
        return InputSpec(name, kind, max_bytes, targets) if kind and targets else None

    def output(self, name: str, item: Mapping[str, Any], kinds: Sequence[str]) -> OutputSpec | None:
        """Read `[outputs.name]`; None when something is wrong."""
        at = f"outputs.{name}."
        self.unknown(item, at, {"node", "kind", "partial"})
        kind = self._kind(item, at, kinds)
        node, partial = item.get("node"), item.get("partial", False)
        if not isinstance(partial, bool):
            self.report.problem(TOML, f"{at}partial", "This must be true or false.")
            partial = False
        if not isinstance(node, str):
            self.report.problem(TOML, f"{at}node", 'This must be a node\'s id in quotes, as "3".')
            return None
        if self.graph is not None and node not in self.graph:
            hint = nearest(node, self.graph)
            self.report.problem(TOML, f"{at}node", f"graph.json has no node {node!r}.{hint}")
            return None
        return OutputSpec(name, kind, node, partial) if kind else None

    def param(self, name: str, item: Mapping[str, Any]) -> ParamSpec | None:
        """Read `[params.name]`; None when something is wrong."""
        at = f"params.{name}."
        before = len(self.report.problems)
        self.unknown(item, at, _PARAM_KEYS)
        kind = item.get("type")
        if not isinstance(kind, str) or kind not in set(ParamType):
            hint = nearest(str(kind), set(ParamType))
            self.report.problem(TOML, f"{at}type", f"{quoted(kind)} is not a type.{hint}")
            self._targets(item, at)
            return None
        type_ = ParamType(kind)
        from_engine = self._from_engine(item, at, type_)
        choices = () if from_engine else self._choices(item, at, type_)
        bounds = [self._bound(item, f"{at}{key}", type_) for key in ("minimum", "maximum")]
        targets = self._targets(item, at)
        self._check_reach(type_, targets, f"{at}targets")
        if len(self.report.problems) > before:
            return None
        spec = ParamSpec(name, type_, None, bounds[0], bounds[1], choices, targets, from_engine)
        if spec.lowest > spec.highest:
            self.report.problem(TOML, f"{at}minimum", "This leaves no value below the maximum.")
            return None
        return replace(spec, default=self._default(item, at, spec))

    def _kind(self, item: Mapping[str, Any], at: str, kinds: Sequence[str]) -> str:
        kind = item.get("kind")
        if isinstance(kind, str) and kind in kinds:
            return kind
        hint = nearest(kind if isinstance(kind, str) else "", kinds)
        self.report.problem(TOML, f"{at}kind", f"{quoted(kind)} is not a kind.{hint}")
        return ""

    def _targets(self, item: Mapping[str, Any], at: str) -> tuple[Target, ...]:
        listed = item.get("targets")
        if not isinstance(listed, list) or not listed:
            self.report.problem(TOML, f"{at}targets", 'Name at least one, as ["1.image"].')
            return ()
        found: list[Target] = []
        for text in listed:
            if not isinstance(text, str):
                message = f'{quoted(text)} is not a target such as "1.image".'
                self.report.problem(TOML, f"{at}targets", message)
            elif self.graph is not None:
                target = self._target(self.graph, text, f"{at}targets")
                if target is not None:
                    found.append(target)
        return tuple(found)

    def _target(self, graph: Graph, text: str, at: str) -> Target | None:
        # Both a subgraph's node id and an input's name may hold a dot, so every split is tried.
        splits = [
            (text[:place], text[place + 1 :]) for place, char in enumerate(text) if char == "."
        ]
        for node, name in splits:
            if node in graph and name in graph[node]["inputs"]:
                return Target(node, name)
        for node, name in splits:
            if node in graph:
                hint = nearest(name, graph[node]["inputs"])
                self.report.problem(TOML, at, f"Node {node!r} has no input {name!r}.{hint}")
                return None
        hint = nearest(text.partition(".")[0], graph)
        self.report.problem(TOML, at, f"graph.json has no node for {text!r}.{hint}")
        return None

    def _from_engine(self, item: Mapping[str, Any], at: str, type_: ParamType) -> bool:
        """Whether the engine says what the choices are (`choices_from = "engine"`)."""
        said = item.get("choices_from")
        if said is None:
            return False
        if type_ is not ParamType.CHOICE or said != "engine" or "choices" in item:
            message = 'Only a choice without choices may have choices_from = "engine".'
            self.report.problem(TOML, f"{at}choices_from", message)
        return True

    def _choices(self, item: Mapping[str, Any], at: str, type_: ParamType) -> tuple[Scalar, ...]:
        listed = item.get("choices")
        if type_ is not ParamType.CHOICE:
            if listed is not None:
                self.report.problem(TOML, f"{at}choices", 'Only type = "choice" has choices.')
            return ()
        if (
            not isinstance(listed, list)
            or not 1 <= len(listed) <= _MAX_CHOICES
            or not all(is_scalar(choice) and not isinstance(choice, bool) for choice in listed)
            or len({str(choice) for choice in listed}) != len(listed)
        ):
            self.report.problem(
                TOML, f"{at}choices", "A choice needs a list of different texts or numbers."
            )
            return ()
        return tuple(listed)

    def _bound(self, item: Mapping[str, Any], at: str, type_: ParamType) -> float | None:
        key = at.rpartition(".")[2]
        value = item.get(key)
        if value is None:
            return None
        if not type_.is_numeric:
            self.report.problem(TOML, at, f"A {type_} has no {key}.")
        elif not is_scalar(value) or isinstance(value, bool | str):
            self.report.problem(TOML, at, "This must be a number.")
        elif type_ is not ParamType.NUMBER and value != int(value):
            self.report.problem(TOML, at, "This must be a whole number.")
        else:
            return value if type_ is ParamType.NUMBER else int(value)
        return None

    def _default(self, item: Mapping[str, Any], at: str, spec: ParamSpec) -> Scalar | None:
        """The declared default, else the graph's own value where it fits, else None."""
        value = item.get("default")
        if spec.type is ParamType.SEED:
            if value is not None:
                message = "A seed that is left out is drawn at random; this is not used."
                self.report.warning(TOML, f"{at}default", message)
            return None
        if spec.from_engine:
            return self._engine_default(value, at)
        if value is None and self.graph is not None and spec.targets:
            aim = spec.targets[0]
            own = self.graph[aim.node]["inputs"][aim.input]
            try:
                return spec.check(own, "")
            except JobError:
                return None  # a link, or out of bounds: a manifest must give the value
        try:
            return None if value is None else spec.check(value, "")
        except JobError as exc:
            self.report.problem(TOML, f"{at}default", exc.message)
            return None

    def _engine_default(self, value: object, at: str) -> Scalar | None:
        """Whether the engine offers it is seen when it is asked."""
        if is_scalar(value) and not isinstance(value, bool):
            return value
        if value is not None:
            self.report.problem(TOML, f"{at}default", "This must be a text or a number.")
        return None

    def _check_reach(self, type_: ParamType, targets: tuple[Target, ...], at: str) -> None:
        if self.graph is None:
            return
        for target in targets:
            node = self.graph[target.node]
            aim = f"{target.node}.{target.input}"
            if target.input == "filename_prefix":
                message = f"{aim} is set by the desk for each run; this parameter has no effect."
                self.report.warning(TOML, at, message)
            loads = "load" in node["class_type"].lower()
            names_a_file = _FILE_INPUT.fullmatch(target.input) or (
                loads and isinstance(node["inputs"][target.input], str)
            )
            if names_a_file and type_ is not ParamType.CHOICE:
                message = f'{aim} names a file or a model: use type = "choice" with choices.'
                self.report.problem(TOML, at, message)
