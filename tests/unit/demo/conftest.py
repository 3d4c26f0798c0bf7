from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jigdesk.demo.catalogue import catalogue
from jigdesk.demo.folders import Folders
from jigdesk.demo.run import Faults, Interrupt, NodeResult, NodeRun
from jigdesk.demo.schema import Catalogue


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    found = Folders(tmp_path)
    found.create()
    return found


@pytest.fixture
def classes(folders: Folders) -> Catalogue:
    return catalogue(folders)


@pytest.fixture
def interrupt() -> Interrupt:
    return Interrupt()


RunNode = Callable[..., NodeResult]


@pytest.fixture
def run_node(folders: Folders, classes: Catalogue, interrupt: Interrupt) -> RunNode:
    """Run one node with the given inputs; its progress goes nowhere."""

    def progress(value: int, maximum: int, preview: Callable[[], Image.Image]) -> None:
        interrupt.check()

    def run(name: str, **given: Any) -> NodeResult:
        node_run = NodeRun(
            folders=folders,
            interrupt=interrupt,
            faults=Faults(None, 0),
            progress=progress,
            step_s=0.0,
            temp_tag="abcde",
            graph={"1": {"class_type": name}},
            extra_pnginfo={"workflow": {"a": 1}},
        )
        return classes[name].run(node_run, given)

    return run
