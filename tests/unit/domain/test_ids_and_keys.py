"""Identifiers and object keys: what is let in, and what never reaches a path."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain import ids, keys
from jigdesk.domain.errors import JobError

JOB = "7d1f0c3e-2b1a-4c55-9d3e-8a1b2c3d4ee2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        JOB.upper(),
        JOB.replace("-", ""),
        "{" + JOB + "}",
        JOB + "\n",
        " " + JOB,
        "../" + JOB,
        JOB[:-1],
        JOB + "0",
        "urn:uuid:" + JOB,
        None,
        7,
        JOB.replace("7", "\u0667"),
    ],
)
def test_only_a_canonical_lowercase_uuid_is_a_job_id(text: object) -> None:
    assert not ids.is_job_id(text)
    with pytest.raises(JobError) as caught:
        ids.check_job_id(text)
    assert caught.value.code == "invalid_manifest"
    assert caught.value.field == "job_id"


def test_a_prompt_id_is_the_same_after_a_restart_and_another_for_each_attempt() -> None:
    first = ids.prompt_id(JOB, "soften", 1)
    assert first == str(uuid.uuid5(uuid.UUID(JOB), "soften/1"))
    assert ids.prompt_id(JOB, "soften", 2) != first
    assert ids.prompt_id(JOB, "enlarge", 1) != first
    assert ids.is_job_id(first)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("client:abcdefgh", True),
        ("client:abc", False),
        ("client:" + "a" * 65, False),
        ("user:0b5c", True),
        ("user:", False),
        ("host:abcdefgh", False),
        ("client:abc/../defgh", False),
        (None, False),
    ],
)
def test_owner_ids(text: object, good: bool) -> None:
    assert ids.is_owner_id(text) is good


@pytest.mark.parametrize("name", ["blur", "a", "0-x_y", "a" * 63])
def test_good_stage_names(name: str) -> None:
    assert ids.is_stage_name(name)


@pytest.mark.parametrize("name", ["", "-a", "_a", "A", "a" * 64, "a b", "a/b", "ä", "a\n"])
def test_bad_stage_names(name: str) -> None:
    assert not ids.is_stage_name(name)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../b",
        "a//b",
        "a/",
        "./a",
        "a\\b",
        "c:a",
        "a\x00b",
        "a\nb",
        "con",
        "NUL.txt",
        "a/lpt1.png",
        "name.",
        "name ",
        " name",
        "x" * 256,
        "a/" * 400 + "b",
        "\ud800",
        None,
        7,
    ],
)
def test_unsafe_paths_are_refused(path: object) -> None:
    assert not keys.is_safe_path(path)


@pytest.mark.parametrize("path", ["photo.png", "set/photo 1.png", "Zürich.jpg", "写真.png", "a.b"])
def test_ordinary_names_are_let_in(path: str) -> None:
    assert keys.is_safe_path(path)
    assert keys.parse_key(keys.input_key(JOB, path)) == keys.ParsedKey("inputs", JOB, path)


@given(st.text())
def test_no_text_that_passes_leaves_its_folder(path: str) -> None:
    if keys.is_safe_path(path):
        parts = path.split("/")
        assert ".." not in parts
        assert not path.startswith("/")
        assert "\\" not in path


@pytest.mark.parametrize(
    "key",
    [
        f"jobs/{JOB}/status.json",
        "inputs/not-a-uuid/a.png",
        f"inputs/{JOB}/../x",
        f"inputs/{JOB}",
        f"inputs//{JOB}/a.png",
        f"Inputs/{JOB}/a.png",
    ],
)
def test_foreign_keys_are_not_taken_apart(key: str) -> None:
    assert keys.parse_key(key) is None
