"""Small templates for the tests of this folder."""

from __future__ import annotations

import json
from typing import Any

from jigdesk.domain.template import Template, parse_template


def node(class_type: str, title: str | None = None, **inputs: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"class_type": class_type, "inputs": inputs}
    return entry if title is None else {**entry, "_meta": {"title": title}}


GRAPH: dict[str, Any] = {
    "1": node("LoadImage", "Picture", image="example.png"),
    "2": node(
        "Work", "Work", image=["1", 0], radius=3, scale=1.5, text="hello", on=True, mode="a", seed=0
    ),
    "3": node("SaveImage", "Save", images=["2", 0], filename_prefix="x"),
    "4": node("PreviewImage", images=["1", 0]),
}

TOML = """
title = "Work"
description = "Works."
timeout_s = 60

[inputs.image]
kind = "image"
targets = ["1.image"]
max_bytes = 1000

[params.radius]
type = "integer"
default = 3
minimum = 1
maximum = 31
targets = ["2.radius"]

[params.scale-by]
type = "number"
default = 2.0
minimum = 0.1
maximum = 8
targets = ["2.scale"]

[params.text]
type = "string"
default = ""
targets = ["2.text"]

[params.turbo_on]
type = "boolean"
default = true
targets = ["2.on"]

[params.mode]
type = "choice"
choices = ["a", "b c", "it's", 3]
default = "a"
targets = ["2.mode"]

[params.seed]
type = "seed"
targets = ["2.seed"]

[outputs.result]
node = "3"
kind = "image"
"""


def template(name: str = "work", toml: str = TOML, graph: dict[str, Any] | None = None) -> Template:
    return parse_template(name, toml.encode(), json.dumps(graph or GRAPH).encode())


def kinds(name: str, takes: dict[str, str], makes: dict[str, str]) -> Template:
    """A template that takes and makes these kinds."""
    graph = {"9": node("Save", filename_prefix="x")}
    toml = f'title = "{name}"\n'
    for place, (key, kind) in enumerate(takes.items()):
        graph[f"in{place}"] = node("LoadImage", image="example.png")
        toml += f'[inputs.{key}]\nkind = "{kind}"\ntargets = ["in{place}.image"]\n'
    for key, kind in makes.items():
        toml += f'[outputs.{key}]\nkind = "{kind}"\nnode = "9"\n'
    return template(name, toml, graph)
