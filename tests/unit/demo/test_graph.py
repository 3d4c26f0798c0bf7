from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jigdesk.demo.graph import RunOrder, signatures
from jigdesk.demo.schema import Catalogue


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def order(
    graph: dict[str, Any], classes: Catalogue, outputs: Sequence[str], done: Sequence[str] = ()
) -> list[str]:
    """The whole order in which nodes would run."""
    run = RunOrder(graph, classes, outputs, lambda each: each in done)
    found = []
    while (each := run.next()) is not None:
        found.append(each)
        run.done(each)
    return found


FORK = {
    "1": node("EmptyImage"),
    "2": node("ImageBlur", image=["1", 0]),
    "3": node("SaveImage", images=["2", 0]),
    "4": node("PreviewImage", images=["1", 0]),
}


def test_an_output_that_is_ready_goes_first(classes: Catalogue) -> None:
    assert order(FORK, classes, ["3", "4"]) == ["1", "4", "2", "3"]


def test_nothing_runs_that_no_output_needs(classes: Catalogue) -> None:
    assert order(FORK, classes, ["4"]) == ["1", "4"]


def test_what_is_cached_is_not_waited_for(classes: Catalogue) -> None:
    assert order(FORK, classes, ["3", "4"], done=["1", "2"]) == ["3", "4"]


def test_of_independent_sources_the_last_input_goes_first_as_in_comfyui(
    classes: Catalogue,
) -> None:
    graph = {
        "1": node("EmptyImage"),
        "2": node("EmptyImage"),
        "3": node("ImageBlend", image1=["1", 0], image2=["2", 0]),
        "4": node("SaveImage", images=["3", 0]),
    }
    assert order(graph, classes, ["4"]) == ["2", "1", "3", "4"]


def test_a_circle_is_an_error(classes: Catalogue) -> None:
    graph = {
        "1": node("ImageInvert", image=["2", 0]),
        "2": node("ImageInvert", image=["1", 0]),
        "3": node("SaveImage", images=["2", 0]),
    }
    with pytest.raises(ValueError, match="cycle"):
        order(graph, classes, ["3"])
    assert signatures(graph, classes) == {}


def deep(length: int) -> dict[str, Any]:
    graph = {"0": node("EmptyImage", width=1)}
    for index in range(1, length):
        graph[str(index)] = node("ImageInvert", image=[str(index - 1), 0])
    return graph


def test_a_graph_may_be_deeper_than_pythons_stack(classes: Catalogue) -> None:
    assert len(signatures(deep(3000), classes)) == 3000


def test_a_signature_follows_inputs_but_not_titles_or_ids(classes: Catalogue) -> None:
    first = signatures(FORK, classes)
    renamed = {
        "a": {**node("EmptyImage"), "_meta": {"title": "Canvas"}},
        "b": node("ImageBlur", image=["a", 0]),
    }
    second = signatures(renamed, classes)
    assert (second["a"], second["b"]) == (first["1"], first["2"])
    changed = signatures({**FORK, "1": node("EmptyImage", width=9)}, classes)
    assert all(changed[each] != first[each] for each in FORK)


def test_a_files_content_is_part_of_the_signature(classes: Catalogue, tmp_path: Path) -> None:
    graph = {"1": node("LoadImage", image="a.png"), "2": node("ImageInvert", image=["1", 0])}
    assert signatures(graph, classes) == {}  # no such file: nothing to cache
    path = tmp_path / "input" / "a.png"
    Image.new("RGB", (2, 2), "red").save(path)
    red = signatures(graph, classes)
    assert red == signatures(graph, classes)
    Image.new("RGB", (2, 2), "blue").save(path)
    assert signatures(graph, classes)["2"] != red["2"]


@pytest.mark.parametrize(
    "broken",
    [
        {"class_type": "LoadImage"},
        {"class_type": "ImageInvert", "inputs": 5},
        node("ImageInvert", image=["nowhere", 0]),
        node("LoadImage", image=["1", 0]),
    ],
)
def test_a_broken_node_that_no_output_needs_does_no_harm(
    broken: dict[str, Any], classes: Catalogue
) -> None:
    assert set(signatures({**FORK, "9": broken}, classes)) >= set(FORK)


@pytest.mark.parametrize("slot", [float("inf"), float("nan")])
def test_a_slot_that_is_no_number_of_an_output_ends_nothing(
    classes: Catalogue, slot: float
) -> None:
    stray = {"5": node("ImageBlur", image=["1", slot])}  # no output needs it: nobody checked it
    assert signatures({**FORK, **stray}, classes).keys() >= FORK.keys()
