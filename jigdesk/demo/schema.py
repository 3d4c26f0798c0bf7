"""What a node class says of itself: its inputs as ComfyUI's `/object_info` prints them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jigdesk.demo.run import NodeResult, NodeRun

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Input:
    """One input; `extra` is printed as it stands, `choices` makes it a choice.

    ComfyUI prints inputs of its older node classes without an empty `extra` and choices as a
    list in the type's place; its newer classes (`modern`) always print `extra` and put choices
    under `options`.
    """

    name: str
    type: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    choices: Callable[[], Sequence[str]] | None = None
    optional: bool = False
    modern: bool = False

    def config(self) -> list[Any]:
        """Type and extra, always both: what validation errors print as `input_config`."""
        extra = dict(self.extra)
        if self.choices is None:
            return [self.type, extra]
        if self.modern:
            return ["COMBO", {**extra, "multiselect": False, "options": list(self.choices())}]
        return [list(self.choices()), extra]

    def printed(self) -> list[Any]:
        """The same as `/object_info` prints it."""
        config = self.config()
        return config if self.modern or config[1] else config[:1]


@dataclass(frozen=True, slots=True)
class NodeClass:
    """One node class. `run` is called in the worker thread.

    `check` validates the inputs named in `checked` (no other validation touches them) and
    returns what is wrong, or None. `changed` returns what else its result depends on (a file's
    hash), or None when it must run again.
    """

    name: str
    display_name: str | None
    category: str
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]
    run: Callable[[NodeRun, Mapping[str, Any]], NodeResult]
    description: str = ""
    module: str = "nodes"
    output_node: bool = False
    saves_graph: bool = False
    modern: bool = False
    checked: tuple[str, ...] = ()
    check: Callable[[Mapping[str, Any]], str | None] | None = None
    changed: Callable[[Mapping[str, Any]], str | None] | None = None

    def input(self, name: str) -> Input | None:
        """The input of that name; None when there is none."""
        return next((each for each in self.inputs if each.name == name), None)

    def info(self) -> Json:
        """The class as `/object_info` prints it. Blocking: a choice may list a folder."""
        inputs: dict[str, Json] = {"required": {}}
        for each in self.inputs:
            inputs.setdefault("optional" if each.optional else "required", {})[each.name] = (
                each.printed()
            )
        if self.saves_graph:
            inputs["hidden"] = {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}
        info: Json = {
            "input": inputs,
            "input_order": {kind: list(names) for kind, names in inputs.items()},
            "output": list(self.outputs),
            "output_is_list": [False] * len(self.outputs),
            "output_name": list(self.outputs),
        }
        if self.modern:
            info["output_tooltips"] = [None] * len(self.outputs)
        info |= {
            "name": self.name,
            "display_name": self.display_name,
            "description": self.description,
            "python_module": self.module,
            "category": self.category,
            "output_node": self.output_node,
        }
        if self.modern:
            info |= {"deprecated": False, "experimental": False, "api_node": False}
        return info


Catalogue = Mapping[str, NodeClass]
"""The node classes of an engine by name."""
