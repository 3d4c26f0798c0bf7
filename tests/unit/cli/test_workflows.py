"""`jigdesk workflows check` and `import`, without a desk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jigdesk.adapters.workflows.catalogue import load_template
from jigdesk.resources import workflows_dir
from tests.unit.cli.test_cli import run

GRAPH = json.loads((workflows_dir() / "txt2img" / "graph.json").read_text())
EDITOR = {"nodes": [], "links": [], "version": 0.4}


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIGDESK_HOME", str(home))


def png(path: Path, **texts: object) -> Path:
    info = PngInfo()
    for name, value in texts.items():
        info.add_text(name, json.dumps(value))
    Image.new("RGB", (8, 8)).save(path, "PNG", pnginfo=info)
    return path


def webp(path: Path, **texts: object) -> Path:
    exif = Image.Exif()
    for tag, (name, value) in zip((0x0110, 0x010F), texts.items(), strict=False):
        exif[tag] = f"{name}:{json.dumps(value)}"
    Image.new("RGB", (8, 8)).save(path, "WEBP", exif=exif)
    return path


def test_a_graph_becomes_a_template(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = {
        "json": tmp_path / "My Graph (1).json",
        "png": png(tmp_path / "shot.png", prompt=GRAPH, workflow=EDITOR),
        "webp": webp(tmp_path / "shot.webp", prompt=GRAPH, workflow=EDITOR),
    }
    sources["json"].write_text(json.dumps(GRAPH))
    for kind, source in sources.items():
        folder = tmp_path / kind
        code, out, err = run(
            monkeypatch, capsys, "workflows", "import", str(source), "--dir", str(folder)
        )
        assert code == 0, err
        assert "params: prompt, negative, seed, steps, cfg, denoise, width, height" in out
        name = "my-graph-1" if kind == "json" else "shot"
        template = load_template(folder / name)
        assert template.graph == GRAPH
        assert template.inputs == {}
        assert template.params["negative"].targets[0].node == "3"
        assert template.outputs["result"].node == "7"
        code, out, _ = run(monkeypatch, capsys, "workflows", "check", str(folder))
        assert (code, out) == (0, "1 sound, 0 broken; no engine was asked\n")


def test_the_editors_format_is_answered_with_how_to_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain.json"
    plain.write_text(json.dumps(EDITOR))
    for source in (plain, png(tmp_path / "a.png", workflow=EDITOR)):
        args = ("workflows", "import", str(source), "--dir", str(tmp_path / "to"))
        code, _, err = run(monkeypatch, capsys, *args)
        assert code == 1
        assert "Export (API)" in err
        assert not (tmp_path / "to").exists()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"\x89PNG\r\n\x1a\nbroken", "neither JSON nor"),
        (b"{}", "at least one node"),
        (
            b'{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}',
            "at least one output",
        ),
        (b"hello", "neither JSON nor"),
    ],
)
def test_what_is_no_graph_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    body: bytes,
    words: str,
) -> None:
    source = tmp_path / "it.json"
    source.write_bytes(body)
    args = ("workflows", "import", str(source), "--dir", str(tmp_path / "to"))
    code, _, err = run(monkeypatch, capsys, *args)
    assert code == 1
    assert words in err
    assert not (tmp_path / "to").exists()


def test_a_picture_without_a_graph(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = png(tmp_path / "a.png")
    args = ("workflows", "import", str(source), "--dir", str(tmp_path))
    code, _, err = run(monkeypatch, capsys, *args)
    assert code == 1
    assert "holds no workflow" in err


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = png(tmp_path / "shot.png", prompt=GRAPH)
    args = ("workflows", "import", str(source), "--dir", str(source / "within"))
    code, _, err = run(monkeypatch, capsys, *args)
    assert code == 1
    assert "shot: cannot be written: Not a directory" in " ".join(err.split())
    assert "Traceback" not in err


def test_bad_usage_is_exit_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "it.json"
    source.write_text(json.dumps(GRAPH))
    (tmp_path / "taken").mkdir()
    here = ("workflows", "import", str(source), "--dir", str(tmp_path))
    for args, word in (
        (("workflows", "import", str(source)), "workflows.dirs"),
        ((*here, "--name", "taken"), "already"),
        ((*here, "--name", "No Name"), "a-z"),
    ):
        code, _, err = run(monkeypatch, capsys, *args)
        assert code == 2
        assert word in " ".join(err.split()), err


def test_an_engine_that_is_named_and_away_is_exit_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(workflows_dir() / "blur", tmp_path / "mine" / "blur")
    args = ("workflows", "check", str(tmp_path / "mine"), "--engine", "http://127.0.0.1:9")
    code, _, err = run(monkeypatch, capsys, *args)
    assert code == 1
    assert "engine" in err
