"""What the command line asks for, as a request and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from jigdesk.commands.request import from_instructions, from_options, param_value
from jigdesk.domain.described import read_described
from jigdesk.domain.errors import JobError

BLUR: dict[str, Any] = {
    "name": "blur",
    "title": "Blur",
    "inputs": [{"name": "image", "kind": "image"}],
    "outputs": [{"name": "result", "kind": "image"}],
    "params": {
        "type": "object",
        "properties": {
            "radius": {"type": "integer", "minimum": 1, "maximum": 31, "default": 3},
            "label": {"type": "string"},
        },
    },
}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(b"png")
    return path


def test_one_stage(photo: Path) -> None:
    wanted = from_options("blur", ["radius=5", "label=5"], [f"image={photo}"], BLUR["params"])
    assert wanted.request == {
        "task": "blur",
        "params": {"radius": 5, "label": "5"},
        "inputs": {"image": "photo.png"},
    }
    assert wanted.files == {"photo.png": photo}


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [
        ("5", "integer", 5),
        ("2.5", "number", 2.5),
        ("TRUE", "boolean", True),
        ("no", "boolean", False),
        ("5", "string", "5"),
        ("a=b", "string", "a=b"),
        ("many", "integer", "many"),
        ("[1]", "integer", "[1]"),
        ("7", None, 7),
    ],
)
def test_a_value_is_of_the_kind_that_its_schema_wants(
    text: str, wanted: str | None, value: object
) -> None:
    schema = {} if wanted is None else {"type": wanted}
    assert param_value(text, schema) == value


def test_two_files_of_one_name_do_not_meet(tmp_path: Path, photo: Path) -> None:
    other = tmp_path / "other" / "PHOTO.png"
    other.parent.mkdir()
    other.write_bytes(b"another")
    wanted = from_options("x", [], [f"a={photo}", f"b={other}"], {})
    assert wanted.files == {"photo.png": photo, "b-PHOTO.png": other}


def test_a_file_that_cannot_be_a_key_gets_a_name_that_can(tmp_path: Path) -> None:
    odd = tmp_path / 'what? "this".png'
    odd.write_bytes(b"x")
    manifest = tmp_path / "request.json"
    manifest.write_bytes(b"{}")
    wanted = from_options("x", [], [f"image={odd}", f"text={manifest}"], {})
    assert wanted.files == {"image.png": odd, "text-request.json": manifest}


@pytest.mark.parametrize(
    ("params", "inputs", "said"),
    [
        (["radius"], [], "not name=value"),
        (["=5"], [], "not name=value"),
        (["radius=1", "radius=2"], [], "twice"),
        ([], ["image=/nowhere.png"], "no file"),
        ([], [f"image={'x' * 5000}"], "cannot be read: File name too long"),
        ([], ["image=~no-such-user/photo.png"], "no file"),
    ],
)
def test_bad_options_are_named(params: list[str], inputs: list[str], said: str) -> None:
    with pytest.raises(typer.BadParameter, match=said):
        from_options("blur", params, inputs, {})


def test_instructions_name_files_beside_them(photo: Path, tmp_path: Path) -> None:
    blur = read_described(BLUR)
    assert blur is not None
    steps = tmp_path / "steps.txt"
    steps.write_text("soften: blur --radius 3 --image photo.png\nagain: blur\n")
    wanted = from_instructions(steps, {"blur": blur})
    assert wanted.files == {"photo.png": photo}
    assert [stage["name"] for stage in wanted.request["stages"]] == ["soften", "again"]
    steps.write_text("blur --image missing.png\n")
    with pytest.raises(typer.BadParameter, match=r"missing\.png is no file"):
        from_instructions(steps, {"blur": blur})
    steps.write_text("blurr --image photo.png\n")
    with pytest.raises(JobError, match="line 1"):
        from_instructions(steps, {"blur": blur})
