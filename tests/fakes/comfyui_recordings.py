"""The recorded conversations with a real ComfyUI 0.3.64, as frames that can be sent again."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "recordings" / "comfyui"
HEAD_BYTES = 96


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `payload` is a JSON object or bytes. `is_whole`: every byte was recorded."""

    payload: dict[str, Any] | bytes
    is_whole: bool = True

    @property
    def kind(self) -> str:
        if isinstance(self.payload, bytes):
            return "binary"
        node = self.payload["data"].get("node", "")
        is_end = self.payload["type"] == "executing" and node is None
        return "executing_null" if is_end else str(self.payload["type"])


@dataclass(frozen=True, slots=True)
class Recording:
    """One scenario."""

    name: str
    data: Mapping[str, Any]

    @property
    def graph(self) -> dict[str, Any]:
        return dict(self.data["request"]["prompt"])

    @property
    def response(self) -> tuple[int, Any]:
        return self.data["response"]["status"], self.data["response"]["json"]

    @property
    def prompt_id(self) -> str:
        return str(self.data["response"]["json"]["prompt_id"])

    @property
    def entry(self) -> dict[str, Any]:
        return dict(self.data["history"][self.prompt_id])

    @property
    def frames(self) -> list[Frame]:
        return list(_frames(self.data["frames"]))


@cache
def load(name: str) -> Recording:
    return Recording(name, json.loads((FOLDER / f"{name}.json").read_text("utf-8")))


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def every_frame() -> Iterator[tuple[str, int, Frame]]:
    """Every frame of every recording: file, number and the frame."""
    for name in names():
        data = load(name).data
        for part in ("frames", "before", "after"):
            for index, frame in enumerate(_frames(data.get(part, []))):
                yield f"{name}.{part}", index, frame


def _frames(rows: list[dict[str, Any]]) -> Iterator[Frame]:
    header = b""
    for row in rows:
        if "text" in row:
            yield Frame(row["text"])
        elif "b64" in row:
            whole = base64.b64decode(row["b64"])
            header = whole[: 8 + int.from_bytes(whole[4:8])] if row["event"] == 4 else b""
            yield Frame(whole)
        else:
            # only the head was kept: the same metadata, and a picture of the same length
            head = bytes.fromhex(row["head"])
            if header:
                assert header.startswith(head), "metadata changed within a recording"
                head = header
            yield Frame(head.ljust(row["binary_len"], b"\0"), is_whole=False)
