"""instructions.txt: the grammar, its errors with line and column, and the way back."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.command_line import Unclosed, split_line
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.instructions import parse_instructions, print_instructions
from jigdesk.domain.manifest import FileInput, Manifest, Scalar, StageInput, StageRequest
from tests.harness.cost import assert_linear
from tests.unit.domain.templates import template

JOB = "7d1f0c3e-0000-4000-8000-0000000000e2"
CATALOGUE = {name: template(name) for name in ("work", "blur")}


def read(text: str | bytes) -> tuple[StageRequest, ...]:
    return parse_instructions(text, CATALOGUE, JOB).stages


def refused(text: str | bytes) -> JobError:
    with pytest.raises(JobError) as caught:
        read(text)
    return caught.value


def params_of(options: str) -> dict[str, Scalar]:
    return dict(read(f"work --image a.png {options}")[0].params)


def test_a_whole_file() -> None:
    text = """
# soften, then enlarge
soften: blur --radius 3 --image 'my photo.png'   # a comment

work --scale_by=2.5 --image @soften.result[0]\r
work
"""
    assert read(text) == (
        StageRequest("soften", "blur", {"radius": 3}, {"image": FileInput("my photo.png")}),
        StageRequest(
            "work", "work", {"scale-by": 2.5}, {"image": StageInput("soften", "result", 0)}
        ),
        StageRequest("work-2", "work", {}, {"image": StageInput("work")}),
    )


@pytest.mark.parametrize(
    ("options", "params"),
    [
        ("--radius=3", {"radius": 3}),
        ("--radius 3.0", {"radius": 3}),
        ("--scale-by 2 --scale_by=3", None),
        ("--scale_by 2", {"scale-by": 2.0}),
        ("--scale-by=.5e1", {"scale-by": 5.0}),
        ("--turbo_on", {"turbo_on": True}),
        ("--turbo-on --radius 4", {"turbo_on": True, "radius": 4}),
        ("--no-turbo-on", {"turbo_on": False}),
        ("--no_turbo_on", {"turbo_on": False}),
        ("--turbo-on off", {"turbo_on": False}),
        ("--turbo-on=yes", {"turbo_on": True}),
        ("--mode 'b c'", {"mode": "b c"}),
        ('--mode "it\'s"', {"mode": "it's"}),
        ("--mode 3", {"mode": 3}),
        ("--text '--ar 16:9'", {"text": "--ar 16:9"}),
        ("--text=--ar", {"text": "--ar"}),
        ("--text a#b", {"text": "a#b"}),
        ("--text ''", {"text": ""}),
        ("--text 12", {"text": "12"}),
        ("--seed 18446744073709551615", {"seed": 2**64 - 1}),
    ],
)
def test_options(options: str, params: dict[str, Scalar] | None) -> None:
    if params is None:
        assert "twice" in refused(f"work --image a.png {options}").message
    else:
        found = params_of(options)
        assert found == params
        assert [type(value) for value in found.values()] == [type(v) for v in params.values()]


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("\n  wrk --image a", ErrorCode.UNKNOWN_WORKFLOW, 2, 3),
        ("work --image a\nwork 'open", ErrorCode.INVALID_MANIFEST, 2, 6),
        ("work --image a \\", ErrorCode.INVALID_MANIFEST, 1, 16),
        ("work --image a --radius 99", ErrorCode.INVALID_PARAMETER, 1, 25),
        ("work --image a --radius=x", ErrorCode.INVALID_PARAMETER, 1, 16),
        ("work --image a --radius", ErrorCode.INVALID_PARAMETER, 1, 16),
        ("work --image a --radius --turbo-on", ErrorCode.INVALID_PARAMETER, 1, 16),
        ("work --image a --raduis 3", ErrorCode.INVALID_PARAMETER, 1, 16),
        ("work --image a --no-turbo-on=1", ErrorCode.INVALID_PARAMETER, 1, 16),
        ("work --image a stray", ErrorCode.INVALID_MANIFEST, 1, 16),
        ("work --image a --", ErrorCode.INVALID_MANIFEST, 1, 16),
        ("work --radius 3", ErrorCode.INVALID_MANIFEST, 1, 1),
        ("work --image", ErrorCode.INVALID_MANIFEST, 1, 6),
        ("work --image ../a", ErrorCode.INVALID_MANIFEST, 1, 14),
        ("work --image request.json", ErrorCode.INVALID_MANIFEST, 1, 14),
        ("work --image @a.b[", ErrorCode.INVALID_MANIFEST, 1, 14),
        ("Name: work --image a", ErrorCode.INVALID_MANIFEST, 1, 1),
        ("name:", ErrorCode.INVALID_MANIFEST, 1, 1),
        (b"work\nwork \xff", ErrorCode.INVALID_MANIFEST, 2, 6),
        ("work --image a\n" * 65, ErrorCode.INVALID_MANIFEST, 65, 1),
        ("#" * 300_000, ErrorCode.INVALID_MANIFEST, 1, 1),
    ],
)
def test_errors_say_line_and_column(
    text: str | bytes, code: ErrorCode, line: int, column: int
) -> None:
    error = refused(text)
    assert error.error_code is code
    assert error.details == {"line": line, "column": column}
    assert f"line {line}, column {column}" in error.message


def test_hints() -> None:
    assert "Did you mean 'work'?" in refused("wrk --image a").message
    assert "Did you mean 'radius'?" in refused("work --image a --raduis 3").message
    assert "from 1 to 31" in refused("work --image a --radius 99").message
    assert (
        "Did you mean 'soften'?" in refused("soften: blur --image a\nwork --image @softn").message
    )


def test_bounds() -> None:
    assert "no stage" in refused("# nothing\n\n").message
    assert "at most" in refused(b"#" * (1024 * 1024 + 1)).message
    assert "UTF-8" in refused("work \ud800").message


@pytest.mark.parametrize(
    ("head", "part"),
    [(b"", b"a\n"), (b"", b"\n"), (b"work ", b"a "), (b'work "', b'\\"')],
)
def test_hostile_files_cost_little(head: bytes, part: bytes) -> None:
    assert_linear(lambda count: refused(head + part * count), 40_000)


def test_references_are_checked() -> None:
    error = refused("a: work --image @b\nb: work --image @a")
    assert "wait for each other" in error.message
    assert "own output" in refused("a: work --image @a").message


def test_a_file_that_begins_with_an_at() -> None:
    assert read("work --image ./@x.png")[0].inputs == {"image": FileInput("@x.png")}


WITHOUT_HASH = st.text(st.sampled_from("ab-= \t'\"\\$é@"), max_size=25)


@given(WITHOUT_HASH)
def test_words_are_those_of_shlex(line: str) -> None:
    try:
        expected = shlex.split(line)
    except ValueError:
        with pytest.raises(Unclosed):
            split_line(line)
    else:
        assert [word.text for word in split_line(line)] == expected


WORDS = ["work", "blur:", "x: blur", " --image", " a.png", " @work", " --radius", "=3", " --text"]
SIGNS = ["\n", "#", "'", '"', "\\", "[0]", ".result", " --", " --no-turbo-on", "é"]


@given(st.lists(st.sampled_from(WORDS + SIGNS) | st.text(max_size=3), max_size=12).map("".join))
def test_no_text_crashes_it(text: str) -> None:
    try:
        read(text)
    except JobError as exc:
        exc.message.encode()


@given(st.binary(max_size=60))
def test_no_bytes_crash_it(body: bytes) -> None:
    try:
        read(body)
    except JobError as exc:
        exc.message.encode()


VALUES: dict[str, Any] = {
    "radius": st.integers(1, 31),
    "scale-by": st.floats(0.1, 8.0),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=30),
    "turbo_on": st.booleans(),
    "mode": st.sampled_from(["a", "b c", "it's", 3]),
    "seed": st.integers(0, 2**64 - 1),
}
NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True)


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    stages: list[StageRequest] = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        source: Any = st.builds(
            FileInput, st.from_regex(r"[@#\-=a-zé][ '@#=a-z]{0,5}[a-z]", fullmatch=True)
        )
        if stages:
            earlier = st.sampled_from([item.name for item in stages])
            index = st.none() | st.integers(0, 999)
            source |= st.builds(StageInput, earlier, st.none() | NAMES, index)
        chosen = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
        params = {key: draw(VALUES[key]) for key in chosen}
        workflow = draw(st.sampled_from(sorted(CATALOGUE)))
        stages.append(StageRequest(name, workflow, params, {"image": draw(source)}))
    return Manifest(JOB, tuple(stages))


@given(manifests())
def test_printing_and_reading_gives_the_same(manifest: Manifest) -> None:
    printed = print_instructions(manifest, CATALOGUE)
    assert parse_instructions(printed, CATALOGUE, JOB) == manifest
    assert parse_instructions(printed.encode(), CATALOGUE, JOB) == manifest


@pytest.mark.parametrize(
    ("stage", "field"),
    [
        (StageRequest("a", "nope", {}, {}), "stages[0].workflow"),
        (StageRequest("a", "work", {"text": "a\nb"}, {}), "stages[0].params.text"),
        (StageRequest("a", "work", {"radius": 99}, {}), "stages[0].params.radius"),
        (StageRequest("a", "work", {"other": 1}, {}), "stages[0].params.other"),
        (StageRequest("a", "work", {}, {"other": FileInput("a")}), "stages[0].inputs.other"),
    ],
)
def test_what_cannot_be_printed_is_said(stage: StageRequest, field: str) -> None:
    with pytest.raises(JobError) as caught:
        print_instructions(Manifest(JOB, (stage,)), CATALOGUE)
    assert caught.value.field == field
