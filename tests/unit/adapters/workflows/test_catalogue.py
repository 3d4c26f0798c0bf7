"""Templates from the disk: later folders win, bad ones harm nobody, links do not lead out."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from jigdesk.adapters.workflows.catalogue import load_catalogue, load_template
from jigdesk.domain.binding import bind
from jigdesk.domain.params import ParamSpec
from jigdesk.domain.template import Template, TemplateError
from jigdesk.resources import assets_dir, workflows_dir

SHIPPED = {
    "blur": ("radius", 1, 31, 3),
    "upscale": ("scale", 0.1, 8.0, 2.0),
    "enhance": ("strength", 0.0, 2.0, 1.0),
    "refine": ("steps", 1, 100, 12),
    "animate": ("fps", 1, 60, 8),
    "invert": None,
}
NEEDS_MODELS = {"txt2img", "img2img", "inpaint", "upscale_model"}
ALL = set(SHIPPED) | NEEDS_MODELS


@pytest.fixture(scope="module")
def shipped() -> dict[str, Template]:
    catalogue = load_catalogue([workflows_dir()])
    assert catalogue.broken == {}
    assert catalogue.problems == ()
    return dict(catalogue.templates)


def copied(root: Path, source: str, name: str) -> Path:
    return Path(shutil.copytree(workflows_dir() / source, root / name))


def test_what_ships(shipped: dict[str, Template]) -> None:
    assert set(shipped) == ALL
    for name, expected in SHIPPED.items():
        template = shipped[name]
        assert template.warnings == ()
        assert [(spec.name, spec.kind) for spec in template.inputs.values()] == [("image", "image")]
        assert [output.name for output in template.outputs.values()] == ["result"]
        assert all(node["_meta"]["title"] for node in template.graph.values())
        if expected is None:
            assert template.params == {}
        else:
            (spec,) = template.params.values()
            assert isinstance(spec, ParamSpec)
            assert (spec.name, spec.minimum, spec.maximum, spec.default) == expected


def test_those_that_need_models_take_what_the_engine_has(shipped: dict[str, Template]) -> None:
    for name in NEEDS_MODELS:
        template = shipped[name]
        assert template.warnings == ()
        (model,) = [spec for spec in template.params.values() if spec.from_engine]
        assert model.choices == ()
        assert not any(spec.is_required for spec in template.params.values() if spec is not model)
        assert all(node["_meta"]["title"] for node in template.graph.values())
    assert {spec.kind for spec in shipped["inpaint"].inputs.values()} == {"image", "mask"}
    assert shipped["txt2img"].inputs == {}


def test_the_contracts_example_holds(shipped: dict[str, Template]) -> None:
    graph = bind(shipped["blur"], {"radius": 9}, {"image": "x.png"}, "p")
    assert graph["1"]["inputs"]["image"] == "x.png"
    assert graph["2"]["inputs"]["blur_radius"] == 9
    assert graph["3"]["inputs"]["filename_prefix"] == "p/3"


def test_only_core_nodes_but_for_refine(shipped: dict[str, Template]) -> None:
    core = {"LoadImage", "ImageBlur", "ImageScaleBy", "ImageInvert", "ImageSharpen", "ImageBlend"}
    core |= {"ImageBatch", "SaveImage", "SaveAnimatedWEBP"}
    used = {
        name: {node["class_type"] for node in template.graph.values()}
        for name, template in shipped.items()
        if name not in NEEDS_MODELS
    }
    assert used.pop("refine") == {"LoadImage", "DemoRefine", "SaveImage"}
    assert set().union(*used.values()) == core


def test_later_folders_win(tmp_path: Path) -> None:
    copied(tmp_path, "invert", "blur")
    catalogue = load_catalogue([workflows_dir(), tmp_path])
    assert catalogue.templates["blur"].title == "Invert"
    assert len(catalogue.templates) == len(ALL)


def test_a_broken_one_harms_only_its_own_name(tmp_path: Path) -> None:
    (copied(tmp_path, "blur", "blur") / "graph.json").write_text("{")
    (tmp_path / "empty").mkdir()
    (copied(tmp_path, "blur", "Bad Name")).touch()
    copied(tmp_path, "blur", "mine")
    copied(tmp_path, "blur", ".hidden")
    (tmp_path / "notes.txt").write_text("not a folder")
    catalogue = load_catalogue([workflows_dir(), tmp_path])
    assert set(catalogue.broken) == {"blur", "empty", "Bad Name"}
    assert set(catalogue.templates) == ALL - {"blur"} | {"mine"}
    assert [problem.file for problem in catalogue.broken["empty"].problems] == [
        "workflow.toml",
        "graph.json",
    ]


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    catalogue = load_catalogue([tmp_path / "nowhere", workflows_dir()])
    assert set(catalogue.templates) == ALL
    assert [problem.file for problem in catalogue.problems] == [str(tmp_path / "nowhere")]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_do_not_lead_out(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    root.mkdir()
    copied(outside, "blur", "away")
    (root / "whole").symlink_to(outside / "away")
    inner = copied(root, "blur", "file")
    (inner / "graph.json").unlink()
    (inner / "graph.json").symlink_to(outside / "away" / "graph.json")
    copied(root, "blur", "sound")
    (root / "inside").symlink_to(root / "sound")
    catalogue = load_catalogue([root])
    assert set(catalogue.broken) == {"whole", "file"}
    assert set(catalogue.templates) == {"sound", "inside"}
    assert "link" in str(catalogue.broken["file"])


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_itself_harms_no_other(tmp_path: Path) -> None:
    folder = copied(tmp_path, "blur", "loop")
    (folder / "graph.json").unlink()
    (folder / "graph.json").symlink_to("graph.json")
    copied(tmp_path, "blur", "sound")
    catalogue = load_catalogue([tmp_path])
    assert set(catalogue.templates) == {"sound"}
    assert [problem.file for problem in catalogue.broken["loop"].problems] == ["graph.json"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_does_not_block(tmp_path: Path) -> None:
    folder = copied(tmp_path, "blur", "pipe")
    (folder / "graph.json").unlink()
    os.mkfifo(folder / "graph.json")
    with pytest.raises(TemplateError, match="regular file"):
        load_template(folder)


def test_too_large_files_are_not_read_whole(tmp_path: Path) -> None:
    folder = copied(tmp_path, "blur", "large")
    with (folder / "graph.json").open("r+b") as file:
        file.truncate(50 * 1024**3)  # sparse: takes no space
    with pytest.raises(TemplateError, match="are allowed"):
        load_template(folder)


def test_assets_are_found() -> None:
    assert assets_dir().is_dir()
