"""Manifests that no desk may run, with what is said about each; shared by both kinds of store."""

from __future__ import annotations

import uuid
from typing import Any


def stage(name: str, **more: Any) -> dict[str, Any]:
    """A stage that would run, changed by `more`."""
    image = {"image": {"file": "photo.png"}}
    return {"name": name, "workflow": "blur", "inputs": image, **more}


def stages(*parts: dict[str, Any]) -> dict[str, Any]:
    """A manifest of these stages."""
    return {"version": 1, "stages": list(parts)}


CYCLE = stages(
    stage("a", inputs={"image": {"stage": "b"}}), stage("b", inputs={"image": {"stage": "a"}})
)

BAD_MANIFESTS: list[tuple[bytes | dict[str, Any], str, str]] = [
    (b"", "invalid_manifest", ""),
    (b'{"version": 1, "stages": [', "invalid_manifest", "line"),
    (b"\xff\xfe{}", "invalid_manifest", "UTF-8"),
    (b"[1]", "invalid_manifest", ""),
    (b"null", "invalid_manifest", ""),
    (b"[" * 100_000, "invalid_manifest", ""),
    ({"version": 2, "stages": []}, "invalid_manifest", "version"),
    ({"version": 1, "stages": []}, "invalid_manifest", ""),
    (stages(*(stage(f"s{i}") for i in range(65))), "invalid_manifest", "64"),
    (stages(stage("a"), stage("a")), "invalid_manifest", "a"),
    (CYCLE, "invalid_manifest", ""),
    (stages(stage("a", inputs={"image": {"stage": "z"}})), "invalid_manifest", ""),
    (stages(stage("../a")), "invalid_manifest", ""),
    (stages(stage("a", workflow="blurr")), "unknown_workflow", "blur"),
    (stages(stage("a", workflow="../blur")), "invalid_manifest", ""),
    (stages(stage("a", params={"radius": 99})), "invalid_parameter", "31"),
    (stages(stage("a", params={"radius": "x"})), "invalid_parameter", ""),
    (stages(stage("a", params={"radios": 3})), "invalid_parameter", "radius"),
    (stages(stage("a", params={"radius": [3]})), "invalid_manifest", ""),
    (stages(stage("a", inputs={})), "invalid_manifest", "image"),
    (
        stages(stage("a", inputs={"image": {"file": "../../../etc/passwd"}})),
        "invalid_manifest",
        "",
    ),
    (
        stages(stage("a", inputs={"image": {"file": "/etc/passwd"}})),
        "invalid_manifest",
        "",
    ),
    (stages(stage("a", inputs={"image": {"file": "gone.png"}})), "missing_input", "gone.png"),
    (
        stages(stage("a"), stage("b", inputs={"image": {"file": "photo.png/b.png"}})),
        "invalid_manifest",
        "photo.png/b.png",
    ),
    (
        stages(stage("b", inputs={"image": {"file": "photo.png/x/b.png"}}), stage("a")),
        "invalid_manifest",
        "photo.png/x/b.png",
    ),
    ({**stages(stage("a")), "job_id": str(uuid.uuid4())}, "invalid_manifest", "another job"),
]
"""What is uploaded as request.json, the code that the job fails with, a word of its message."""

OVER_1_MIB = {"version": 1, "padding": "x" * (1024 * 1024), "stages": [stage("a")]}
