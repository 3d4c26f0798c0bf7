"""Templates proposed for a graph that somebody brings."""

from __future__ import annotations

import json
from typing import Any

from jigdesk.domain.params import ParamType
from jigdesk.domain.proposal import propose
from jigdesk.domain.template import Template, parse_template
from tests.unit.domain.templates import node

GRAPH: dict[str, Any] = {
    "1": node("CheckpointLoaderSimple", ckpt_name="a.safetensors"),
    "2": node("CLIPTextEncode", text='a "quoted"\nsky \x7f', clip=["1", 1]),
    "3": node("CLIPTextEncode", text="blurry", clip=["1", 1]),
    "4": node(
        "KSampler",
        model=["1", 0],
        positive=["8", 0],
        negative=["3", 0],
        latent_image=["7", 0],
        seed=7,
        steps=250,
        cfg=7,
        denoise=1.0,
        sampler_name="euler",
    ),
    "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
    "6": node("SaveImage", images=["5", 0], filename_prefix="x"),
    "7": node("VAEEncode", pixels=["9", 0], vae=["1", 2]),
    "8": node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
    "9": node("LoadImage", image="example.png"),
    "10": node("KSampler", model=["1", 0], positive=["2", 0], negative=["3", 0], seed=8, steps=20),
    "11": node("PreviewImage", images=["5", 0]),
    "12": node("MyVideoSaver", images=["5", 0], fps=24, noise_seed=3),
    "13": node("MyLoader", clip="a.mp4"),
}


def made(info: dict[str, Any] | None) -> tuple[Template, list[str]]:
    proposal = propose("my-paint", GRAPH, info)
    body = json.dumps(GRAPH).encode()
    template = parse_template("my-paint", proposal.toml.encode(), body)
    assert template.warnings == ()
    return template, proposal.notes


def test_without_an_engine() -> None:
    template, notes = made(None)
    assert template.title == "My paint"
    assert {name: spec.kind for name, spec in template.inputs.items()} == {"image": "image"}
    assert {spec.node for spec in template.outputs.values()} == {"6"}
    # what leads to no result is left alone
    assert set(template.params) == {
        "prompt", "negative", "seed", "steps", "cfg", "denoise", "guidance",
    }  # fmt: skip
    assert template.params["prompt"].default == 'a "quoted"\nsky \x7f'
    assert template.params["negative"].targets[0].node == "3"
    assert template.params["seed"].type is ParamType.SEED
    # what the graph has is allowed, and a whole number may still be a number
    steps, cfg = template.params["steps"], template.params["cfg"]
    assert (steps.minimum, steps.maximum, steps.default) == (1, 250, 250)
    assert (cfg.type, cfg.default) == (ParamType.NUMBER, 7.0)
    assert any("No engine was asked" in note for note in notes)
    assert any("PreviewImage" in note for note in notes)


def test_with_an_engine_its_bounds_and_outputs_count() -> None:
    info = {
        "KSampler": {"input": {"required": {"steps": ["INT", {"min": 4, "max": 300}]}}},
        "SaveImage": {"input": {}, "output_node": True},
        "MyVideoSaver": {
            "input": {"required": {"fps": ["FLOAT", {"min": 2.5, "max": 40.0}]}},
            "output_node": True,
        },
        "PreviewImage": {"input": {}, "output_node": True},
        "MyLoader": {"input": {"required": {"clip": [["a.mp4"], {"video_upload": True}]}}},
    }
    template, notes = made(info)
    assert {spec.node: spec.kind for spec in template.outputs.values()} == {
        "6": "image",
        "12": "video",
    }
    assert (template.params["steps"].minimum, template.params["steps"].maximum) == (4, 250)
    fps = template.params["fps"]
    assert (fps.minimum, fps.maximum, fps.default) == (2.5, 40.0, 24.0)
    assert [spec.type for spec in template.params.values()].count(ParamType.SEED) == 2
    assert not any("No engine" in note for note in notes)
