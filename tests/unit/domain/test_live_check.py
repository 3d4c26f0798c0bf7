"""A template against what an engine says it has."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from jigdesk.domain.live_check import check_live
from jigdesk.domain.template import Template, TemplateError
from tests.unit.domain.templates import node, template

INFO: dict[str, Any] = {
    "CheckpointLoaderSimple": {
        "input": {"required": {"ckpt_name": [["a.safetensors", "b.safetensors"]]}},
        "output": ["MODEL", "CLIP", "VAE"],
    },
    "CLIPTextEncode": {
        "input": {"required": {"text": ["STRING", {"multiline": True}], "clip": ["CLIP"]}},
        "output": ["CONDITIONING"],
    },
    "Paint": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "positive": ["CONDITIONING"],
                "steps": ["INT", {"default": 20, "min": 1, "max": 50}],
                "sampler": ["COMBO", {"options": ["euler", "heun"], "multiselect": False}],
            },
            "optional": {"strength": ["FLOAT", {"min": 0.0, "max": 1.0}], "image": ["IMAGE,MASK"]},
        },
        "output": ["IMAGE"],
    },
    "LoadImage": {
        "input": {"required": {"image": [["example.png"], {"image_upload": True}]}},
        "output": ["IMAGE", "MASK"],
    },
    "SaveImage": {
        "input": {
            "required": {"images": ["IMAGE"], "filename_prefix": ["STRING", {}]},
            "hidden": {"prompt": "PROMPT"},
        },
        "output": [],
        "output_node": True,
    },
    "Anything": {
        "input": {"required": {"value": ["*"]}},
        "output": ["*"],
        "output_node": True,
    },
}

GRAPH: dict[str, Any] = {
    "1": node("CheckpointLoaderSimple", "Model", ckpt_name="b.safetensors"),
    "2": node("CLIPTextEncode", "Prompt", text="x", clip=["1", 1]),
    "3": node("Paint", "Paint", model=["1", 0], positive=["2", 0], steps=20, sampler="euler"),
    "4": node("SaveImage", "Save", images=["3", 0], filename_prefix="x"),
}

TOML = """
title = "Paint"
[params.steps]
type = "integer"
default = 20
minimum = 1
maximum = 50
targets = ["3.steps"]
[outputs.result]
node = "4"
kind = "image"
"""

MODEL = """
[params.checkpoint]
type = "choice"
choices_from = "engine"
targets = ["1.ckpt_name"]
"""


def made(toml: str = TOML, **nodes: Any) -> Template:
    graph = copy.deepcopy(GRAPH)
    graph.update(nodes)
    return template("paint", toml, graph)


def said(one: Template, info: dict[str, Any] | None = None) -> list[str]:
    return [f"{p.field}: {p.message}" for p in check_live(one, info or INFO).problems]


def test_a_template_that_fits_has_no_problem() -> None:
    verdict = check_live(made(), INFO)
    assert verdict.problems == ()
    assert verdict.warnings == ()
    assert verdict.reason == ""
    assert not verdict.missing_files


def test_a_missing_class_is_named_with_the_nearest() -> None:
    (problem,) = said(made(**{"3": {**GRAPH["3"], "class_type": "Pant"}}))
    assert problem == (
        "3.class_type: Node 3 (Paint): the engine has no node class 'Pant'. Did you mean 'Paint'?"
    )
    # also of a node that leads to nothing: the engine refuses the whole graph for it
    (problem,) = said(made(**{"9": node("Zzyzx")}))
    assert problem == "9.class_type: Node 9 (Zzyzx): the engine has no node class 'Zzyzx'."


def test_a_missing_model_is_told_with_what_is_offered() -> None:
    verdict = check_live(made(**{"1": node("CheckpointLoaderSimple", ckpt_name="c.ckpt")}), INFO)
    assert verdict.missing_files
    assert (
        "the engine has no file 'c.ckpt'; it offers a.safetensors, b.safetensors." in verdict.reason
    )


def test_renamed_and_gone_inputs_are_told() -> None:
    renamed = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"]}}
    renamed["inputs"]["smapler"] = renamed["inputs"].pop("sampler")
    problems = said(made(**{"3": renamed}))
    assert problems == [
        "3.inputs.sampler: Node 3 (Paint) needs an input 'sampler' on this engine. "
        "Did you mean 'smapler'?",
        "3.inputs.smapler: Node 3 (Paint) has no input 'smapler' on this engine. "
        "Did you mean 'sampler'?",
    ]
    # one that nobody reads does no harm, unless a parameter sets it
    extra = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "old": 1}}
    assert said(made(**{"3": extra})) == []
    toml = TOML + '[params.old]\ntype = "integer"\ntargets = ["3.old"]\n'
    assert len(said(made(toml, **{"3": extra}))) == 1


def test_links_must_fit() -> None:
    wrong = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "positive": ["1", 1]}}
    assert said(made(**{"3": wrong})) == [
        "3.inputs.positive: Node 3 (Paint): positive takes CONDITIONING, node 1 gives CLIP."
    ]
    beyond = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "model": ["1", 7]}}
    assert "which has 3 on this engine" in said(made(**{"3": beyond}))[0]
    either = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "image": ["5", 1]}}
    assert said(made(**{"3": either, "5": node("LoadImage", image="gone.png")})) == []
    assert said(made(**{"6": node("Anything", value=["3", 0])})) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("sampler", "ddim", "does not offer 'ddim'; it offers euler, heun."),
        ("steps", 51, "51 is above 50."),
        ("steps", 0, "0 is below 1."),
        ("strength", "much", "'much' is no number."),
    ],
)
def test_values_must_be_in_the_list(name: str, value: object, words: str) -> None:
    toml = TOML.replace('targets = ["3.steps"]', 'targets = ["3.other"]')
    changed = {**GRAPH["3"], "inputs": {**GRAPH["3"]["inputs"], "other": 1, name: value}}
    info = copy.deepcopy(INFO)
    info["Paint"]["input"]["optional"]["other"] = ["INT", {}]
    (problem,) = said(made(toml, **{"3": changed}), info)
    assert problem.endswith(words)


def test_bounds_beyond_the_nodes_are_a_warning() -> None:
    verdict = check_live(made(TOML.replace("maximum = 50", "maximum = 90")), INFO)
    assert verdict.problems == ()
    (warning,) = verdict.warnings
    assert str(warning) == (
        "workflow.toml: params.steps.maximum: Node 3 (Paint), parameter steps: "
        "the node takes at most 50."
    )


def test_the_engine_fills_its_choices_in() -> None:
    verdict = check_live(made(TOML + MODEL), INFO)
    assert verdict.problems == ()
    spec = verdict.template.params["checkpoint"]
    assert spec.choices == ("a.safetensors", "b.safetensors")
    assert spec.default == "b.safetensors"  # the graph's own, since it is there
    other = made(TOML + MODEL, **{"1": node("CheckpointLoaderSimple", ckpt_name="gone.ckpt")})
    assert check_live(other, INFO).template.params["checkpoint"].default == "a.safetensors"
    wanted = made(TOML + MODEL + 'default = "b.safetensors"\n', **{"1": other.graph["1"]})
    assert check_live(wanted, INFO).template.params["checkpoint"].default == "b.safetensors"
    assert verdict.template.describe()["params"]["properties"]["checkpoint"] == {
        "enum": ["a.safetensors", "b.safetensors"],
        "default": "b.safetensors",
    }


def test_no_model_at_all_is_a_clear_reason() -> None:
    info = copy.deepcopy(INFO)
    info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"] = [[]]
    verdict = check_live(made(TOML + MODEL), info)
    assert verdict.missing_files
    assert verdict.reason == (
        "Node 1 (Model): CheckpointLoaderSimple offers nothing for ckpt_name: "
        "no such file is installed."
    )


def test_declared_choices_are_narrowed_to_what_is_there() -> None:
    toml = TOML + MODEL.replace('choices_from = "engine"', "choices = [{}]")
    some = made(toml.format('"b.safetensors", "c.ckpt"'))
    verdict = check_live(some, INFO)
    assert verdict.problems == ()
    assert verdict.missing_files
    assert verdict.template.params["checkpoint"].choices == ("b.safetensors",)
    none = check_live(made(toml.format('"c.ckpt"')), INFO)
    assert "the engine has no c.ckpt; it offers a.safetensors" in none.reason


def test_an_output_must_be_of_a_node_that_saves() -> None:
    toml = TOML.replace('node = "4"', 'node = "3"')
    info = copy.deepcopy(INFO)
    info["Paint"]["output_node"] = False
    assert "saves nothing" in said(made(toml), info)[0]


@pytest.mark.parametrize("info", [None, [], {"input": []}, {"input": {"required": {"x": 3}}}])
def test_what_custom_nodes_print_does_not_break_the_check(info: object) -> None:
    check_live(made(), {**INFO, "Paint": info})


@pytest.mark.parametrize(
    "param",
    [
        MODEL.replace('"choice"', '"string"'),
        MODEL + 'choices = ["a"]\n',
        MODEL.replace('"engine"', '"disk"'),
    ],
)
def test_choices_from_the_engine_are_for_choices_alone(param: str) -> None:
    with pytest.raises(TemplateError, match="choices_from"):
        made(TOML + param)
