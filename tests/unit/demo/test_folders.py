from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.demo.folders import Folders, OutsideFolder


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    found.create()
    return found


def test_temp_is_emptied_at_each_start(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "temp" / "old.png").touch()
    (tmp_path / "output" / "kept.png").touch()
    folders.create()
    assert not (tmp_path / "temp" / "old.png").exists()
    assert (tmp_path / "output" / "kept.png").exists()


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("a.png", "input/a.png"),
        ("job-1/a.png", "input/job-1/a.png"),
        ("a.png [output]", "output/a.png"),
        ("sub/a.png [temp]", "temp/sub/a.png"),
        ("a.png [input]", "input/a.png"),
    ],
)
def test_annotated_names(value: str, path: str, folders: Folders, tmp_path: Path) -> None:
    assert folders.annotated(value) == tmp_path / path


@pytest.mark.parametrize(
    "value", ["../a", "/etc/passwd", "x/../../a", "../output/a [temp]", "a\0b", "../input-2/a"]
)
def test_no_name_leaves_its_folder(value: str, folders: Folders) -> None:
    with pytest.raises(OutsideFolder):
        folders.annotated(value)


@pytest.mark.parametrize(
    "prefix", ["../a", "/etc/a", "x/../../a", "a\0b", "../output-2/a", "", ".."]
)
def test_no_prefix_leaves_its_folder(prefix: str, folders: Folders) -> None:
    with pytest.raises(OutsideFolder):
        folders.save_target("output", prefix, (1, 1))


def test_a_link_out_of_the_folder_is_no_way_out(folders: Folders, tmp_path: Path) -> None:
    (tmp_path / "input" / "link").symlink_to("/etc")
    with pytest.raises(OutsideFolder):
        folders.annotated("link/passwd")


def test_counts_on_from_what_is_there(folders: Folders, tmp_path: Path) -> None:
    first = folders.save_target("output", "rec/blur", (8, 8))
    assert (first.subfolder, first.name(0, ".png")) == ("rec", "blur_00001_.png")
    for name in ("blur_00004_.png", "blur_x_.png", "blurred_00009_.png", "blur_99999999999_.png"):
        (tmp_path / "output" / "rec" / name).touch()
    target = folders.save_target("output", "rec/blur", (8, 8))
    assert [target.name(index, ".png") for index in (0, 1)] == [
        "blur_00005_.png",
        "blur_00006_.png",
    ]


def test_fills_in_what_a_prefix_asks_for(folders: Folders) -> None:
    target = folders.save_target("output", "%width%x%height%/p%batch_num%", (30, 20))
    assert target.subfolder == "30x20"
    assert target.name(2, ".png") == "p2_00003_.png"


def test_lists_pictures_only(folders: Folders, tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "notes.txt"):
        (tmp_path / "input" / name).touch()
    (tmp_path / "input" / "folder.png").mkdir()
    assert folders.input_images() == ["a.JPG", "b.png"]
