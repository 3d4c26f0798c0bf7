"""Parameters: what each type takes, what the message says, and both ways of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jigdesk.domain.described import Described, InputSpec, check_described, read_described
from jigdesk.domain.errors import ErrorCode, JobError
from jigdesk.domain.params import ParamSpec, ParamType, bound_params, spec_from_schema
from tests.unit.domain.templates import template

INTEGER = ParamSpec("radius", ParamType.INTEGER, 3, 1, 31)
NUMBER = ParamSpec("scale", ParamType.NUMBER, 2.0, 0.1, 8)
STRING = ParamSpec("text", ParamType.STRING, "")
BOOLEAN = ParamSpec("on", ParamType.BOOLEAN, default=False)
CHOICE = ParamSpec("mode", ParamType.CHOICE, "soft", choices=("soft", "hard", 1))
SEED = ParamSpec("seed", ParamType.SEED)


@pytest.mark.parametrize(
    ("spec", "given_value", "value"),
    [
        (INTEGER, 31, 31),
        (INTEGER, 3.0, 3),
        (NUMBER, 8, 8.0),
        (NUMBER, 0.1, 0.1),
        (STRING, "é" * 20_000, "é" * 20_000),
        (BOOLEAN, True, True),
        (CHOICE, "hard", "hard"),
        (CHOICE, 1.0, 1),
        (SEED, 2**64 - 1, 2**64 - 1),
    ],
)
def test_takes(spec: ParamSpec, given_value: object, value: object) -> None:
    checked = spec.check(given_value, "f")
    assert checked == value
    assert type(checked) is type(value)


@pytest.mark.parametrize(
    ("spec", "value", "words"),
    [
        (INTEGER, 32, "radius must be a whole number from 1 to 31, not 32."),
        (INTEGER, 0, "from 1 to 31"),
        (INTEGER, 3.5, "whole number"),
        (INTEGER, True, "not true"),
        (INTEGER, "3", "not '3'"),
        (INTEGER, 10**400, "whole number"),
        (NUMBER, 8.01, "a number from 0.1 to 8"),
        (NUMBER, float("nan"), "a number"),
        (NUMBER, float("inf"), "a number"),
        (NUMBER, None, "not null"),
        (STRING, 3, "a text"),
        (STRING, "x" * 20_001, "20,000"),
        (STRING, "\udc00", "a text"),
        (BOOLEAN, 1, "true or false"),
        (BOOLEAN, "true", "true or false"),
        (CHOICE, "sotf", "Did you mean 'soft'?"),
        (CHOICE, True, "cannot be true"),
        (CHOICE, ["soft"], "cannot be"),
        (SEED, -1, "whole number"),
        (SEED, 2**64, "whole number"),
    ],
)
def test_refuses(spec: ParamSpec, value: object, words: str) -> None:
    with pytest.raises(JobError) as caught:
        spec.check(value, "stages[0].params.x")
    assert caught.value.error_code is ErrorCode.INVALID_PARAMETER
    assert caught.value.field == "stages[0].params.x"
    assert words in caught.value.message
    caught.value.message.encode()


@given(st.integers(0, 2**53 - 1))
def test_seeds_are_drawn_within_their_bounds(drawn: int) -> None:
    assert SEED.draw(lambda: drawn) == drawn
    assert 5 <= ParamSpec("seed", ParamType.SEED, None, 5, 9).draw(lambda: drawn) <= 9


def test_binding_fills_in_what_was_left_out() -> None:
    specs = {"radius": INTEGER, "seed": SEED, "on": BOOLEAN}
    assert bound_params(specs, {"radius": 5}, lambda: 77) == {"radius": 5, "seed": 77, "on": False}
    assert bound_params(specs, {"seed": 1}, lambda: 77) == {"radius": 3, "seed": 1, "on": False}


@pytest.mark.parametrize("spec", [INTEGER, NUMBER, STRING, BOOLEAN, CHOICE, SEED])
def test_a_schema_reads_as_its_parameter(spec: ParamSpec) -> None:
    again = spec_from_schema(spec.name, spec.to_schema())
    assert again is not None
    assert again.to_schema() == spec.to_schema()
    assert again.type is spec.type


def test_described_workflows_read_back() -> None:
    described = template().describe()
    workflow = read_described(described)
    assert isinstance(workflow, Described)
    assert workflow.inputs == {"image": InputSpec("image", "image", 1000)}
    assert workflow.params["radius"].maximum == 31
    assert described["params"]["additionalProperties"] is False
    assert check_described(described, {"radius": 3.0, "seed": 5}) == {"radius": 3, "seed": 5}


@pytest.mark.parametrize(
    ("params", "field", "words"),
    [
        ({"radius": 99}, "params.radius", "from 1 to 31"),
        ({"raduis": 3}, "params.raduis", "Did you mean 'radius'?"),
        ({"seed": -1}, "params.seed", "seed"),
    ],
)
def test_described_workflows_check(params: dict[str, object], field: str, words: str) -> None:
    with pytest.raises(JobError) as caught:
        check_described(template().describe(), params)
    assert caught.value.field == field
    assert words in caught.value.message


def test_a_parameter_without_a_default_must_be_given() -> None:
    described = {
        "name": "x",
        "params": {"properties": {"n": {"type": "integer"}}, "required": ["n"]},
    }
    with pytest.raises(JobError, match="n must be given"):
        check_described(described, {})


def test_a_property_of_a_later_version_lets_values_through() -> None:
    described = {"name": "x", "params": {"properties": {"colour": {"type": "colour"}}}}
    assert check_described(described, {"colour": "#fff"}) == {}
    with pytest.raises(JobError, match="no parameter 'color'"):
        check_described(described, {"color": "#fff"})


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "enum", "minimum", "maximum", "default", "name", "kind"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    odd
    | st.fixed_dictionaries(
        {"name": st.just("x"), "params": odd | st.fixed_dictionaries({"properties": odd})},
        optional={"inputs": odd, "outputs": odd},
    ),
    st.dictionaries(st.sampled_from(["type", "enum", "name"]), odd),
)
def test_odd_documents_crash_nothing(document: Any, params: dict[str, Any]) -> None:
    try:
        check_described(document, params)
    except JobError as exc:
        exc.message.encode()
