"""Templates: every fault by file and field, all at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.params import Target
from jigdesk.domain.template import TemplateError, parse_template
from tests.unit.domain.templates import GRAPH, TOML, node, template

OUTPUT = '[outputs.result]\nnode = "3"\nkind = "image"\n'


def problems(toml: str = TOML, graph: Any = None, name: str = "work") -> dict[str, str]:
    """Field (with its file) → message of what is wrong."""
    body = graph if isinstance(graph, bytes) else json.dumps(graph or GRAPH).encode()
    with pytest.raises(TemplateError) as caught:
        parse_template(name, toml.encode(), body)
    return {f"{item.file}:{item.field}": item.message for item in caught.value.problems}


def param(body: str, name: str = "p") -> str:
    return f'title = "x"\n{OUTPUT}[params.{name}]\n{body}\n'


def test_a_sound_template() -> None:
    work = template()
    assert work.title == "Work"
    assert work.timeout_s == 60.0
    assert work.warnings == ()
    assert work.inputs["image"].targets == (Target("1", "image"),)
    assert work.params["radius"].default == 3
    assert work.outputs["result"].node == "3"
    assert work.node_title("2") == "Work"
    assert work.node_title("4") == "PreviewImage"


def test_the_digest_is_over_both_files() -> None:
    whole = template().sha256
    changed = {**GRAPH, "4": node("PreviewImage", images=["2", 0])}
    assert len({whole, template(toml=TOML + "\n").sha256, template(graph=changed).sha256}) == 3
    assert template().sha256 == whole


def test_unknown_keys_are_warnings() -> None:
    work = template(toml='colour = "red"\n' + TOML + "partail = true\n")
    assert [str(warning) for warning in work.warnings] == [
        "workflow.toml: colour: This key is not known. There is: description, inputs, outputs, "
        "params, timeout_s, title.",
        "workflow.toml: outputs.result.partail: This key is not known. Did you mean 'partial'?",
    ]


def test_every_problem_is_named_at_once() -> None:
    toml = """
timeout_s = 0
[inputs.image]
kind = "picture"
targets = ["1.imgae"]
max_bytes = 0
[params.radius]
type = "integer"
minimum = 5
maximum = 1
targets = ["2.radius"]
[params.mode]
type = "choise"
targets = ["7.mode"]
[outputs.result]
node = "8"
kind = "image"
"""
    found = problems(toml, name="Bad Name")
    assert set(found) == {
        ":",
        "workflow.toml:title",
        "workflow.toml:timeout_s",
        "workflow.toml:inputs.image.kind",
        "workflow.toml:inputs.image.targets",
        "workflow.toml:inputs.image.max_bytes",
        "workflow.toml:params.radius.minimum",
        "workflow.toml:params.mode.type",
        "workflow.toml:params.mode.targets",
        "workflow.toml:outputs.result.node",
    }
    assert "Did you mean 'image'?" in found["workflow.toml:inputs.image.targets"]
    assert "Did you mean 'choice'?" in found["workflow.toml:params.mode.type"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('type = "integer"\ntargets = []', "targets"),
        ('type = "integer"\ntargets = "2.radius"', "targets"),
        ('type = "integer"\ntargets = [2]', "targets"),
        ('type = "integer"\ntargets = ["2.radius"]\ndefault = 3.5', "default"),
        ('type = "integer"\ntargets = ["2.radius"]\ndefault = true', "default"),
        ('type = "integer"\ntargets = ["2.radius"]\ndefault = 9\nmaximum = 8', "default"),
        ('type = "integer"\ntargets = ["2.radius"]\nminimum = 0.5', "minimum"),
        ('type = "number"\ntargets = ["2.scale"]\nmaximum = nan', "maximum"),
        ('type = "string"\ntargets = ["2.text"]\nminimum = 1', "minimum"),
        ('type = "integer"\ntargets = ["2.radius"]\nchoices = [1]', "choices"),
        ('type = "choice"\ntargets = ["2.mode"]', "choices"),
        ('type = "choice"\ntargets = ["2.mode"]\nchoices = []', "choices"),
        ('type = "choice"\ntargets = ["2.mode"]\nchoices = ["1", 1]', "choices"),
        ('type = "choice"\ntargets = ["2.mode"]\nchoices = ["a"]\ndefault = "b"', "default"),
        ('type = "seed"\ntargets = ["2.seed"]\nminimum = 9\nmaximum = 8', "minimum"),
        ('type = "string"\ntargets = ["1.image"]', "targets"),
        ('type = "string"\ntargets = ["3.filename_prefix"]', "targets"),
    ],
)
def test_bad_parameters(body: str, field: str) -> None:
    assert set(problems(param(body))) == {f"workflow.toml:params.p.{field}"}


@pytest.mark.parametrize(
    ("class_type", "name"),
    [
        ("CheckpointLoaderSimple", "ckpt_name"),
        ("LoraLoader", "lora_name"),
        ("VAELoader", "vae_name"),
        ("DualCLIPLoader", "clip_name2"),
        ("VHS_LoadVideo", "video"),
        ("SaveThing", "output_dir"),
        ("SaveThing", "file_path"),
        ("Anything", "model_name"),
    ],
)
def test_what_names_a_file_or_a_model_is_a_choice(class_type: str, name: str) -> None:
    graph = {**GRAPH, "5": node(class_type, **{name: "a.safetensors"})}
    assert (
        "choice"
        in problems(param(f'type = "string"\ntargets = ["5.{name}"]'), graph)[
            "workflow.toml:params.p.targets"
        ]
    )
    chosen = f'type = "choice"\nchoices = ["a.safetensors"]\ntargets = ["5.{name}"]'
    assert template(toml=param(chosen), graph=graph).params["p"].default == "a.safetensors"


def test_a_choice_of_prefixes_is_warned_of() -> None:
    toml = param('type = "choice"\nchoices = ["x"]\ntargets = ["3.filename_prefix"]')
    assert "has no effect" in template(toml=toml).warnings[0].message


def test_without_a_default_the_graphs_own_value_counts() -> None:
    assert template(toml=param('type = "number"\ntargets = ["2.scale"]')).params["p"].default == 1.5
    tight = param('type = "number"\nmaximum = 1\ntargets = ["2.scale"]')
    assert template(toml=tight).params["p"].is_required
    assert template(toml=tight).params_schema()["required"] == ["p"]


def test_names_that_options_could_not_tell_apart() -> None:
    toml = param('type = "integer"\ntargets = ["2.radius"]', "a-b")
    toml += '[params.a_b]\ntype = "integer"\ntargets = ["2.radius"]\n'
    found = problems(toml)
    assert "same name" in found["workflow.toml:params.a_b"]
    assert "sets 2.radius already" in found["workflow.toml:params.a_b.targets"]


def test_ids_and_names_may_hold_dots_and_colons() -> None:
    graph = {**GRAPH, "12:3": {"class_type": "Work", "inputs": {"resize.width": 5}}}
    toml = param('type = "integer"\ntargets = ["12:3.resize.width"]')
    target = template(toml=toml, graph=graph).params["p"].targets
    assert target == (Target("12:3", "resize.width"),)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (b"{", "line 1, column 2"),
        (b"[]", "at least one node"),
        (b"{}", "at least one node"),
        ({"nodes": [], "links": [], "version": 0.4}, "Export (API)"),
        ({"3": 5}, "must be a JSON object"),
        ({"3": {"inputs": {}}}, "class_type"),
        ({"3": {"class_type": "X"}}, "inputs"),
        ({"3": node("X", image=["9", 0])}, "no node '9'"),
        ({"3": node("X", a=["4", 0]), "4": node("X", a=["3", 0])}, "wait for each other"),
    ],
)
def test_bad_graphs(graph: Any, words: str) -> None:
    found = problems(f'title = "x"\n{OUTPUT}', graph)
    assert all(field.startswith("graph.json:") for field in found)
    assert words in "".join(found.values())


@pytest.mark.parametrize(
    ("toml", "field"),
    [
        ("title = ", ""),
        ("\x00", ""),
        ('title = "x"\n', "outputs"),
        ('title = "x"\noutputs = 3\n', "outputs"),
        (f'title = "x"\ninputs = []\n{OUTPUT}', "inputs"),
        (f'title = "x"\n{OUTPUT}[params]\np = 3\n', "params.p"),
        (f'title = "x"\n{OUTPUT}[params."A B"]\ntype = "integer"\n', "params"),
        (f'title = " "\n{OUTPUT}', "title"),
    ],
)
def test_bad_toml(toml: str, field: str) -> None:
    assert f"workflow.toml:{field}" in problems(toml)


@given(st.text(max_size=60), st.binary(max_size=60))
def test_nothing_crashes_it(toml: str, graph: bytes) -> None:
    with pytest.raises(TemplateError):
        parse_template("x", toml.encode(errors="replace"), graph)
