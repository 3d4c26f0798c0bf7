"""What the recordings do not show; what they do is in the integration tests."""

from __future__ import annotations

from typing import Any

import pytest

from jigdesk.demo.schema import Catalogue
from jigdesk.demo.validation import validate


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def save(source: str = "1", slot: Any = 0) -> dict[str, Any]:
    return node("SaveImage", images=[source, slot], filename_prefix="x")


def empty(**inputs: Any) -> dict[str, Any]:
    return node("EmptyImage", **{"width": 8, "height": 8, "batch_size": 1, "color": 0, **inputs})


def errors(graph: dict[str, Any], classes: Catalogue) -> dict[str, list[str]]:
    verdict = validate(graph, classes)
    return {
        each: [error["type"] for error in found["errors"]]
        for each, found in verdict.node_errors.items()
    }


def test_converts_values_in_place(classes: Catalogue) -> None:
    graph = {"1": empty(width="8", height=9.7), "2": save()}
    assert validate(graph, classes).error is None
    assert graph["1"]["inputs"]["width"] == 8
    assert graph["1"]["inputs"]["height"] == 9


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"width": 20000}, ["value_bigger_than_max"]),
        ({"width": float("nan")}, ["invalid_input_type"]),
        ({"width": float("inf")}, ["invalid_input_type"]),
        ({"width": None}, ["invalid_input_type"]),
        ({"width": {"__value__": [1, 2]}}, ["invalid_input_type"]),
        ({"width": [1, 2, 3]}, ["bad_linked_input"]),
        ({"width": ["3", 0]}, ["return_type_mismatch"]),
    ],
)
def test_bad_values(inputs: dict[str, Any], expected: list[str], classes: Catalogue) -> None:
    graph = {"1": empty(**inputs), "2": save(), "3": empty()}
    assert errors(graph, classes) == {"1": expected}


def test_a_choice_must_be_one_of_them(classes: Catalogue) -> None:
    scale = node("ImageScaleBy", image=["1", 0], upscale_method="magic", scale_by=2)
    verdict = validate({"1": empty(), "2": scale, "3": save("2")}, classes)
    (error,) = verdict.node_errors["2"]["errors"]
    assert error["type"] == "value_not_in_list"
    assert error["details"] == (
        "upscale_method: 'magic' not in ['nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos']"
    )
    assert error["extra_info"]["input_config"][1] == {}
    blend = node("ImageBlend", image1=["1", 0], image2=["1", 0], blend_factor=1, blend_mode="x")
    assert errors({"1": empty(), "2": blend, "3": save("2")}, classes) == {
        "2": ["value_not_in_list"]
    }


def test_nan_is_no_number_between_bounds(classes: Catalogue) -> None:
    scale = node("ImageScaleBy", image=["1", 0], upscale_method="area", scale_by=float("nan"))
    assert errors({"1": empty(), "2": scale, "3": save("2")}, classes) == {
        "2": ["value_bigger_than_max"]
    }


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"2": save("nowhere")}, {"2": ["exception_during_validation"]}),
        ({"1": empty(), "2": save(slot=7)}, {"2": ["exception_during_validation"]}),
        (
            {"1": {"class_type": "EmptyImage"}, "2": save()},
            {"1": ["exception_during_inner_validation"]},
        ),
        (
            {
                "1": node("ImageInvert", image=["2", 0]),
                "2": node("ImageInvert", image=["1", 0]),
                "3": save("1"),
            },
            {"3": ["exception_during_validation"]},
        ),
    ],
)
def test_a_broken_shape_is_told_and_nothing_more(
    graph: dict[str, Any], expected: dict[str, list[str]], classes: Catalogue
) -> None:
    assert errors(graph, classes) == expected


def test_one_good_output_is_enough(classes: Catalogue) -> None:
    graph = {"1": empty(), "2": save(), "3": empty(width=0), "4": save("3"), "5": save("3")}
    verdict = validate(graph, classes)
    assert verdict.error is None
    assert verdict.outputs == ("2",)
    assert verdict.node_errors["3"]["dependent_outputs"] == ["4", "5"]


def test_a_chain_may_be_deeper_than_pythons_stack(classes: Catalogue) -> None:
    graph = {"0": empty()}
    for index in range(1, 3000):
        graph[str(index)] = node("ImageInvert", image=[str(index - 1), 0])
    graph["save"] = save("2999")
    assert validate(graph, classes).outputs == ("save",)


@pytest.mark.parametrize("name", ["x" * 5000, "../../etc/passwd", "a\0b", "", "."])
def test_a_file_that_cannot_be_is_missing(name: str, classes: Catalogue) -> None:
    graph = {"1": node("LoadImage", image=name), "2": save()}
    assert errors(graph, classes) == {"1": ["custom_validation_failed"]}
