"""The shipped workflows of the demo engine, at their defaults and at both ends of their bounds."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest
from PIL import Image

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.workflows.catalogue import load_catalogue
from jigdesk.domain.binding import bind
from jigdesk.domain.engine import EngineFile, Prompt, PromptSucceeded
from jigdesk.domain.live_check import check_live
from jigdesk.domain.params import bound_params
from jigdesk.domain.template import Template
from jigdesk.resources import workflows_dir
from tests.fakes.demo_engine import demo_engine
from tests.harness.waiting import PATIENCE_S

TEMPLATES = load_catalogue([workflows_dir()]).templates
DEMO = {"animate", "blur", "enhance", "invert", "refine", "upscale"}
SIZE = (96, 64)


def settings(template: Template) -> Sequence[dict[str, object]]:
    """The defaults, and both ends of each bound."""
    ends: list[dict[str, object]] = [
        {spec.name: end}
        for spec in template.params.values()
        for end in (spec.minimum, spec.maximum)
        if end is not None
    ]
    return [{}, *ends]


async def result(
    engine: ComfyEngine, template: Template, name: str, prefix: str, given: dict[str, object]
) -> EngineFile:
    params = bound_params(template.params, given, lambda: 0)
    graph = bind(template, params, {"image": name}, prefix)
    async with aclosing(engine.run(Prompt(str(uuid.uuid4()), graph))) as events:
        async for event in events:
            if isinstance(event, PromptSucceeded):
                ((_, file),) = event.outputs[template.outputs["result"].node].files
                return file
    raise AssertionError("the engine ended without an outcome")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.effect_noise(SIZE, 80).convert("RGB").save(path)
    return path


async def test_each_runs_within_its_bounds(tmp_path: Path, photo: Path) -> None:
    async with (
        demo_engine(tmp_path / "engine", "--step-seconds=0") as server,
        ComfyEngine.open(server.url, "desk-0001") as engine,
    ):
        assert await engine.wait_connected(PATIENCE_S)
        name = await engine.upload_input(photo, "photo.png")
        info = await engine.object_info()
        runs_here = [t for t in TEMPLATES.values() if not check_live(t, info).problems]
        assert {template.name for template in runs_here} == DEMO
        for template in runs_here:
            seen = set()
            for place, given in enumerate(settings(template)):
                prefix = f"jigdesk/{template.name}-{place}"
                file = await result(engine, template, name, prefix, given)
                assert f"{file.subfolder}/{file.filename}".startswith(f"{prefix}/")
                path = tmp_path / f"{template.name}-{place}"
                seen.add((await engine.download(file, path, 50_000_000)).sha256)
                with Image.open(path) as picture:
                    assert picture.size == expected_size(template, given), template.name
                    frames = getattr(picture, "n_frames", 1)
                # the sharp picture rests at the end: its equal frames are stored as one
                assert frames == (7 if template.name == "animate" else 1)
            # the parameter does something: each setting makes a picture of its own, but that
            # the defaults may stand at a bound
            assert len(seen) >= len(settings(template)) - 1, template.name


def expected_size(template: Template, given: dict[str, object]) -> tuple[int, int]:
    scale = float(str(given.get("scale", 2.0))) if template.name == "upscale" else 1.0
    return round(SIZE[0] * scale), round(SIZE[1] * scale)
