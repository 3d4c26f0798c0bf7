"""Checks a posted graph and answers as ComfyUI does, error for error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jigdesk.demo.graph import is_link
from jigdesk.demo.schema import Catalogue, Input, NodeClass

Json = dict[str, Any]
LONG_LIST = 20
CONVERSIONS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`error` is None when at least one output may run; `outputs` are those that may.

    `node_errors` may be there all the same: then some outputs were dropped.
    """

    error: Json | None
    outputs: tuple[str, ...] = ()
    node_errors: Json = field(default_factory=dict)


def validate(graph: dict[str, Any], catalogue: Catalogue) -> Verdict:
    """Check every output node and what it depends on.

    Converts values in place ("3" for an INT becomes 3), as ComfyUI does. Blocking: Load nodes
    look for their files.
    """
    outputs = []
    for node, content in graph.items():
        if "class_type" not in content:
            return Verdict(
                _error(
                    "invalid_prompt",
                    "Cannot execute because a node is missing the class_type property.",
                    f"Node ID '#{node}'",
                )
            )
        node_class = catalogue.get(content["class_type"])
        if node_class is None:
            return Verdict(
                _error(
                    "invalid_prompt",
                    f"Cannot execute because node {content['class_type']} does not exist.",
                    f"Node ID '#{node}'",
                )
            )
        if node_class.output_node:
            outputs.append(node)
    if not outputs:
        return Verdict(_error("prompt_no_outputs", "Prompt has no outputs"))
    return _verdict(graph, outputs, _Checker(graph, catalogue))


def _verdict(graph: Mapping[str, Any], outputs: list[str], checker: _Checker) -> Verdict:
    good: list[str] = []
    node_errors: Json = {}
    reasons: list[str] = []
    for output in outputs:
        reached = checker.reach(output)
        bad = {node: errors for node, errors in reached.items() if errors}
        if not bad:
            good.append(output)
        for node, errors in bad.items():
            entry = node_errors.setdefault(
                node,
                {
                    "errors": errors,
                    "dependent_outputs": [],
                    "class_type": graph[node]["class_type"],
                },
            )
            entry["dependent_outputs"].append(output)
        # ComfyUI's summary tells only what is wrong with the output nodes themselves.
        reasons += [f"{each['message']}: {each['details']}" for each in reached[output]]
    if good:
        return Verdict(None, tuple(good), node_errors)
    error = _error(
        "prompt_outputs_failed_validation",
        "Prompt outputs failed validation",
        "\n".join(reasons),
    )
    return Verdict(error, (), node_errors)


def _error(kind: str, message: str, details: str = "", **extra: object) -> Json:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


class _Checker:
    """Checks each node once, however many outputs depend on it."""

    def __init__(self, graph: dict[str, Any], catalogue: Catalogue) -> None:
        self._graph = graph
        self._catalogue = catalogue
        self._checked: dict[str, list[Json]] = {}

    def reach(self, output: str) -> dict[str, list[Json]]:
        """What is wrong with an output node and with each node that it depends on."""
        reached: dict[str, list[Json]] = {}
        path: set[str] = set()
        todo = [(output, False)]
        while todo:
            node, left = todo.pop()
            if left:
                path.discard(node)
                continue
            if node in path:  # ComfyUI runs into Python's recursion limit here
                reached[output] = [
                    *reached[output],
                    _raised(RecursionError("Dependency cycle detected"), inner=False),
                ]
                break
            if node in reached:
                continue
            reached[node] = self._check(node, inner=node != output)
            path.add(node)
            todo.append((node, True))
            todo += [(source, False) for source in self._sources(node)]
        return reached

    def _sources(self, node: str) -> list[str]:
        """The nodes that the well-linked inputs of a node come from."""
        content = self._graph[node]
        node_class = self._catalogue[content["class_type"]]
        inputs = content.get("inputs")
        if not isinstance(inputs, dict):
            return []
        values = [(each, inputs[each.name]) for each in node_class.inputs if each.name in inputs]
        return [value[0] for each, value in values if self._leads_somewhere(each, value)]

    def _leads_somewhere(self, wanted: Input, value: object) -> bool:
        if not is_link(value) or not isinstance(value, list):
            return False
        try:
            return self._check_link(wanted, value) is None
        except (KeyError, IndexError, TypeError):  # told of by the check of the node itself
            return False

    def _check(self, node: str, *, inner: bool) -> list[Json]:
        if node not in self._checked:
            try:
                self._checked[node] = self._check_inputs(node)
            except (KeyError, IndexError, TypeError, AttributeError) as broken:
                # The graph's own shape is broken (a link to nowhere, no `inputs`).
                self._checked[node] = [_raised(broken, inner=inner)]
        return self._checked[node]

    def _check_inputs(self, node: str) -> list[Json]:
        inputs = self._graph[node]["inputs"]
        node_class = self._catalogue[self._graph[node]["class_type"]]
        errors = []
        for each in node_class.inputs:
            if each.name not in inputs:
                if not each.optional:
                    errors.append(
                        _error(
                            "required_input_missing",
                            "Required input is missing",
                            each.name,
                            input_name=each.name,
                        )
                    )
                continue
            value = inputs[each.name]
            if isinstance(value, list):
                error = self._check_link(each, value)
            else:
                error = _check_value(node_class, each, inputs)
            if error is not None:
                errors.append(error)
        return errors + _custom(node_class, inputs)

    def _check_link(self, wanted: Input, value: list[Any]) -> Json | None:
        if len(value) != 2:  # noqa: PLR2004 - node id and slot
            return _error(
                "bad_linked_input",
                "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                wanted.name,
                input_name=wanted.name,
                input_config=wanted.config(),
                received_value=value,
            )
        source = self._catalogue[self._graph[value[0]]["class_type"]]
        received = source.outputs[value[1]]
        if received == wanted.type:
            return None
        return _error(
            "return_type_mismatch",
            "Return type mismatch between linked nodes",
            f"{wanted.name}, received_type({received}) mismatch input_type({wanted.type})",
            input_name=wanted.name,
            input_config=wanted.config(),
            received_type=received,
            linked_node=value,
        )


def _check_value(node_class: NodeClass, wanted: Input, inputs: Json) -> Json | None:
    name = wanted.name
    value = inputs[name]
    if isinstance(value, dict) and "__value__" in value:
        value = inputs[name] = value["__value__"]
    if wanted.type in CONVERSIONS:
        try:
            value = inputs[name] = CONVERSIONS[wanted.type](value)
        except (ValueError, TypeError, OverflowError) as wrong:
            return _error(
                "invalid_input_type",
                f"Failed to convert an input value to a {wanted.type} value",
                f"{name}, {value}, {wrong}",
                input_name=name,
                input_config=wanted.config(),
                received_value=value,
                exception_message=str(wrong),
            )
    if name in node_class.checked:
        return None
    return _check_bounds(wanted, value)


def _check_bounds(wanted: Input, value: Any) -> Json | None:
    told = {"input_name": wanted.name, "input_config": wanted.config(), "received_value": value}
    low, high = wanted.extra.get("min"), wanted.extra.get("max")
    if low is not None and value < low:
        return _error(
            "value_smaller_than_min",
            f"Value {value} smaller than min of {low}",
            wanted.name,
            **told,
        )
    if high is not None and not value <= high:  # refuses NaN too, which no comparison finds
        return _error(
            "value_bigger_than_max", f"Value {value} bigger than max of {high}", wanted.name, **told
        )
    if wanted.choices is None:
        return None
    choices = list(wanted.choices())
    if value in choices:
        return None
    listed = str(choices)
    if len(choices) > LONG_LIST:
        listed = f"(list of length {len(choices)})"
        told["input_config"] = None
    return _error(
        "value_not_in_list",
        "Value not in list",
        f"{wanted.name}: '{value}' not in {listed}",
        **told,
    )


def _custom(node_class: NodeClass, inputs: Json) -> list[Json]:
    """What the class's own check says; not asked when one of its inputs is missing or linked."""
    if node_class.check is None or any(
        isinstance(inputs.get(name, []), list) for name in node_class.checked
    ):
        return []
    wrong = node_class.check(inputs)
    if wrong is None:
        return []
    return [
        _error(
            "custom_validation_failed",
            "Custom validation failed for node",
            f"{name} - {wrong}",
            input_name=name,
        )
        for name in node_class.checked
    ]


def _raised(broken: Exception, *, inner: bool) -> Json:
    """An exception while checking: its text stands for a traceback of the engine's own code."""
    extra: Json = {"exception_type": type(broken).__qualname__, "traceback": []}
    if inner:
        return _error(
            "exception_during_inner_validation",
            "Exception when validating inner node",
            str(broken),
            exception_message=str(broken),
            **extra,
        )
    return _error(
        "exception_during_validation", "Exception when validating node", str(broken), **extra
    )
