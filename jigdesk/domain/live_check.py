"""What a live engine says to a template: missing nodes and models, renamed inputs, bad links.

Pure: `object_info` is what ComfyUI's `/object_info` answers. It is read leniently, because
custom nodes print what they like: only what is surely wrong is a problem.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

from jigdesk.domain.api_graph import GRAPH, Problem, Report
from jigdesk.domain.engine import Graph
from jigdesk.domain.manifest import Scalar, is_scalar
from jigdesk.domain.params import ParamSpec, ParamType, Target
from jigdesk.domain.progress import nodes_on_the_way
from jigdesk.domain.template import Template
from jigdesk.domain.template_check import TOML
from jigdesk.domain.wording import nearest, quoted

MAX_OFFERED = 1000
_SHOWN = 3
_NUMBERS = ("INT", "FLOAT")
_UPLOADS = ("image_upload", "video_upload", "audio_upload", "file_upload", "upload")


@dataclass(frozen=True, slots=True)
class LiveVerdict:
    """A template on one engine.

    `template` has only choices that the engine offers, its own where it asks for them; it is to
    be used only when there are no problems. `missing_files` is true where a problem or a
    warning is about what a loader offers, which can change while the engine runs.
    """

    template: Template
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    missing_files: bool

    @property
    def reason(self) -> str:
        """One sentence fit for a visitor; empty when there is no problem."""
        if not self.problems:
            return ""
        more = len(self.problems) - 1
        return self.problems[0].message + (f" (And {more} more.)" if more else "")


@dataclass(frozen=True, slots=True)
class LiveInput:
    """One input of a node class; `choices` is None where it is no choice or cannot be told."""

    type: str
    choices: tuple[Scalar, ...] | None
    extra: Mapping[str, Any]

    @property
    def is_upload(self) -> bool:
        """Whether its choices are files that a job brings along."""
        return any(self.extra.get(name) is True for name in _UPLOADS)


def read_inputs(info: object, *, only_required: bool = False) -> dict[str, LiveInput]:
    """The inputs of one class of object_info by name; empty for what is not one."""
    inputs = info.get("input") if isinstance(info, Mapping) else None
    found: dict[str, LiveInput] = {}
    for kind in ("required",) if only_required else ("required", "optional"):
        table = inputs.get(kind) if isinstance(inputs, Mapping) else None
        for name, config in (table if isinstance(table, Mapping) else {}).items():
            live = _read_input(config)
            if isinstance(name, str) and live is not None:
                found[name] = live
    return found


def check_live(template: Template, object_info: Mapping[str, Any]) -> LiveVerdict:
    """Compare a template with what an engine has."""
    checker = _Checker(template, object_info)
    return checker.verdict()


def _read_input(config: object) -> LiveInput | None:
    if not isinstance(config, Sequence) or isinstance(config, str) or not config:
        return None
    extra = config[1] if len(config) > 1 and isinstance(config[1], Mapping) else {}
    if isinstance(config[0], list):
        return LiveInput("COMBO", _choices(config[0]), extra)
    if not isinstance(config[0], str):
        return None
    if config[0] == "COMBO":
        options = extra.get("options")
        # choices that are fetched from elsewhere are not listed
        listed = _choices(options) if isinstance(options, list) and "remote" not in extra else None
        return LiveInput("COMBO", listed, extra)
    return LiveInput(config[0], None, extra)


def _choices(listed: Sequence[object]) -> tuple[Scalar, ...] | None:
    if not all(is_scalar(item) for item in listed):
        return None
    return tuple(item for item in listed if is_scalar(item))


class _Checker:
    def __init__(self, template: Template, object_info: Mapping[str, Any]) -> None:
        self._template = template
        self._info = object_info
        self._report = Report()
        self._missing_files = False
        self._inputs: dict[str, dict[str, LiveInput]] = {}
        self._by_target: dict[Target, ParamSpec] = {
            target: spec for spec in template.params.values() for target in spec.targets
        }
        self._fed: set[Target] = {
            target for spec in template.inputs.values() for target in spec.targets
        }

    def verdict(self) -> LiveVerdict:
        graph = self._template.graph
        known = self._checked_nodes([node for node in graph if self._has_class(node)])
        resolved = self._resolve_choices(known)
        for node in known:
            self._check_node(node, graph)
        self._check_outputs(known)
        params = {**self._template.params, **resolved}
        template = replace(self._template, params=params) if resolved else self._template
        return LiveVerdict(
            template,
            tuple(self._report.problems),
            tuple(self._report.warnings),
            self._missing_files,
        )

    def _checked_nodes(self, known: Sequence[str]) -> list[str]:
        """Those that the engine will look at: everything that leads to a node with results."""
        ends = {out.node for out in self._template.outputs.values()}
        for node in known:
            info = self._info[self._template.node_class(node)]
            if isinstance(info, Mapping) and info.get("output_node") is True:
                ends.add(node)
        needed = nodes_on_the_way(self._template.graph, ends)
        return [node for node in known if node in needed]

    def _problem(self, node: str, name: str, message: str) -> None:
        at = f"{node}.inputs.{name}" if name else f"{node}.class_type"
        self._report.problem(GRAPH, at, message)

    def _where(self, node: str) -> str:
        return f"Node {node} ({self._template.node_title(node)})"

    def _has_class(self, node: str) -> bool:
        name = self._template.node_class(node)
        if name in self._info:
            return True
        hint = _close(name, self._info)
        self._problem(
            node, "", f"{self._where(node)}: the engine has no node class {quoted(name)}.{hint}"
        )
        return False

    def _of(self, node: str) -> dict[str, LiveInput]:
        name = self._template.node_class(node)
        if name not in self._inputs:
            self._inputs[name] = read_inputs(self._info[name])
        return self._inputs[name]

    # --- choices that the engine fills in

    def _resolve_choices(self, known: Sequence[str]) -> dict[str, ParamSpec]:
        resolved = {}
        for name, spec in self._template.params.items():
            if spec.type is not ParamType.CHOICE:
                continue
            offered = self._offered(spec, known)
            if offered is None:
                continue
            if not spec.from_engine:
                resolved[name] = self._narrowed(spec, offered)
                continue
            if not offered:
                self._missing_files = True
                target = spec.targets[0]
                node_class = self._template.node_class(target.node)
                message = (
                    f"{self._where(target.node)}: {node_class} offers nothing for "
                    f"{target.input}: no such file is installed."
                )
                self._problem(target.node, target.input, message)
                continue
            default = spec.default if spec.default in offered else None
            wanted = self._template.graph[spec.targets[0].node]["inputs"][spec.targets[0].input]
            if default is None and wanted in offered:
                default = wanted
            resolved[name] = replace(
                spec, choices=offered, default=offered[0] if default is None else default
            )
        return resolved

    def _narrowed(self, spec: ParamSpec, offered: Sequence[Scalar]) -> ParamSpec:
        """Without the choices that the engine lacks; a default that it lacks is a problem."""
        kept = tuple(choice for choice in spec.choices if choice in offered)
        if len(kept) == len(spec.choices):
            return spec
        self._missing_files = True
        target = spec.targets[0]
        lacking = [str(choice) for choice in spec.choices if choice not in offered]
        at = f"{self._where(target.node)}, parameter {spec.name}"
        message = f"{at}: the engine has no {', '.join(lacking[:_SHOWN])}; {_shown(offered)}."
        if not kept or (spec.default is not None and spec.default not in kept):
            self._problem(target.node, target.input, message)
            return spec
        self._report.warning(TOML, f"params.{spec.name}.choices", message)
        return replace(spec, choices=kept)

    def _offered(self, spec: ParamSpec, known: Sequence[str]) -> tuple[Scalar, ...] | None:
        """What every target's node offers; None when one of them says nothing (reported)."""
        offered: tuple[Scalar, ...] | None = None
        for target in spec.targets:
            if target.node not in known:
                return None
            live = self._of(target.node).get(target.input)
            if live is None:
                return None  # reported as gone
            if live.choices is None and not spec.from_engine:
                return None
            if live.choices is None:
                message = (
                    f"{self._where(target.node)}: {target.input} is no list on this engine, so "
                    f"the parameter {spec.name} has no choices."
                )
                self._problem(target.node, target.input, message)
                return None
            mine = live.choices
            offered = mine if offered is None else tuple(c for c in offered if c in mine)
        return None if offered is None else offered[:MAX_OFFERED]

    # --- nodes

    def _check_node(self, node: str, graph: Graph) -> None:
        live = self._of(node)
        given = graph[node]["inputs"]
        required = read_inputs(self._info[self._template.node_class(node)], only_required=True)
        if any(item.type.startswith("COMFY_") for item in live.values()):
            return  # a class whose inputs grow: their names are not told
        missing = [name for name in required if name not in given]
        gone = [name for name in given if name not in live]
        for name in missing:
            hint = nearest(name, gone)
            self._problem(
                node, name, f"{self._where(node)} needs an input {name!r} on this engine.{hint}"
            )
        for name in gone:
            target = Target(node, name)
            if target in self._by_target or target in self._fed or missing:
                hint = nearest(name, live)
                message = f"{self._where(node)} has no input {name!r} on this engine.{hint}"
                self._problem(node, name, message)
        for name, value in given.items():
            if name in live:
                self._check_value(node, name, value, live[name])

    def _check_value(self, node: str, name: str, value: object, live: LiveInput) -> None:
        match value:
            case [str(source), int(slot)] if source in self._template.graph:
                self._check_link(node, name, source, slot, live)
                return
        target = Target(node, name)
        if target in self._fed:
            return
        spec = self._by_target.get(target)
        if spec is not None:
            self._check_param(node, name, spec, live)
            return
        if name != "filename_prefix":
            self._check_constant(node, name, value, live)

    def _check_link(self, node: str, name: str, source: str, slot: int, live: LiveInput) -> None:
        info = self._info.get(self._template.node_class(source))
        outputs = info.get("output") if isinstance(info, Mapping) else None
        if not isinstance(outputs, Sequence) or isinstance(outputs, str):
            return
        if not 0 <= slot < len(outputs):
            message = (
                f"{self._where(node)}: {name} comes from output {slot} of node {source}, "
                f"which has {len(outputs)} on this engine."
            )
            self._problem(node, name, message)
            return
        gives = outputs[slot]
        if isinstance(gives, str) and not _links(gives, live.type):
            message = f"{self._where(node)}: {name} takes {live.type}, node {source} gives {gives}."
            self._problem(node, name, message)

    def _check_param(self, node: str, name: str, spec: ParamSpec, live: LiveInput) -> None:
        at = f"{self._where(node)}, parameter {spec.name}"
        if live.choices is not None:
            if spec.type is not ParamType.CHOICE and spec.default not in (None, *live.choices):
                self._not_offered(node, name, at, spec.default, live)
            return
        if not spec.type.is_numeric or live.type not in _NUMBERS:
            self._check_kind(at, spec, live)
            return
        low, high = live.extra.get("min"), live.extra.get("max")
        if _is_number(low) and spec.minimum is not None and spec.minimum < low:
            self._bound(spec, "minimum", f"{at}: the node takes at least {low}.")
        if _is_number(high) and spec.maximum is not None and spec.maximum > high:
            self._bound(spec, "maximum", f"{at}: the node takes at most {high}.")
        if spec.default is not None:
            self._check_constant(node, name, spec.default, live)

    def _bound(self, spec: ParamSpec, key: str, message: str) -> None:
        """A job with such a value is refused by the engine; the others run."""
        self._report.warning(TOML, f"params.{spec.name}.{key}", message)

    def _check_kind(self, at: str, spec: ParamSpec, live: LiveInput) -> None:
        takes = {
            "INT": (ParamType.INTEGER, ParamType.SEED),
            "FLOAT": (ParamType.INTEGER, ParamType.NUMBER, ParamType.SEED),
            "BOOLEAN": (ParamType.BOOLEAN,),
            "STRING": (ParamType.STRING, ParamType.CHOICE),
        }.get(live.type)
        if takes is not None and spec.type not in (*takes, ParamType.CHOICE):
            message = f"{at}: the node takes {live.type}, not {spec.type}."
            self._report.problem(TOML, f"params.{spec.name}.type", message)

    def _check_constant(self, node: str, name: str, value: object, live: LiveInput) -> None:
        at = f"{self._where(node)}, {name}"
        if live.choices is not None:
            if value not in live.choices and not live.is_upload:
                self._not_offered(node, name, at, value, live)
            return
        if live.type in _NUMBERS:
            if not _is_number(value):
                self._problem(node, name, f"{at}: {quoted(value)} is no number.")
                return
            low, high = live.extra.get("min"), live.extra.get("max")
            if _is_number(low) and value < low:
                self._problem(node, name, f"{at}: {value} is below {low}.")
            if _is_number(high) and value > high:
                self._problem(node, name, f"{at}: {value} is above {high}.")

    def _not_offered(self, node: str, name: str, at: str, value: object, live: LiveInput) -> None:
        choices = [str(choice) for choice in live.choices or ()]
        noun = "has no file" if isinstance(value, str) and "." in value else "does not offer"
        self._missing_files = True
        hint = nearest(str(value), choices) if len(choices) > _SHOWN else ""
        message = f"{at}: the engine {noun} {quoted(value)}; {_shown(choices)}.{hint}"
        self._problem(node, name, message)

    def _check_outputs(self, known: Sequence[str]) -> None:
        for name, out in self._template.outputs.items():
            info = self._info.get(self._template.node_class(out.node))
            if out.node in known and isinstance(info, Mapping) and info.get("output_node") is False:
                message = (
                    f"{self._where(out.node)}: {self._template.node_class(out.node)} saves "
                    "nothing, so it makes no results."
                )
                self._report.problem(TOML, f"outputs.{name}.node", message)


def _close(name: str, options: Iterable[str]) -> str:
    """As `nearest`, but nothing where none is close: an engine has hundreds of classes."""
    hint = nearest(name, options)
    return hint if hint.startswith(" Did you mean") else ""


def _shown(offered: Sequence[object]) -> str:
    """What a loader offers, cut short."""
    if not offered:
        return "it offers none"
    more = f" and {len(offered) - _SHOWN} more" if len(offered) > _SHOWN else ""
    return f"it offers {', '.join(str(item) for item in offered[:_SHOWN])}{more}"


def _links(gives: str, takes: str) -> bool:
    if "*" in (gives, takes) or not gives or "COMBO" in (gives, takes):
        return True
    return bool(set(_types(gives)) & set(_types(takes)))


def _types(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(","))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
