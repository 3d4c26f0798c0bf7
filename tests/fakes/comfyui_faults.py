"""What goes wrong on the fake ComfyUI: the faults that the field knows."""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.comfyui_recordings import Frame


@dataclass(slots=True)
class Faults:
    """What goes wrong. Everything is off by default; tests switch it while it runs."""

    no_socket: bool = False
    dead_worker: bool = False
    silent: bool = False
    """Prompts run, nobody is told."""
    lost_kinds: frozenset[str] = frozenset()
    """Kinds of frames that never go out; `executing_null` is the last one."""
    drop_socket_after: int | None = None
    """Cut every socket, without a close frame, after this many frames of the next prompt."""
    forget_sockets: bool = False
    """Sockets stay open and get nothing (ComfyUI #16010)."""
    lost_history: bool = False
    late_history_s: float = 0.0
    node_errors: Mapping[str, Any] | None = None
    status_codes: dict[str, list[int]] = field(default_factory=dict)
    """path → answers to give before the real ones; 0 closes the connection."""
    http_delay_s: float = 0.0
    post_is_taken_unanswered: bool = False
    huge_preview_bytes: int = 0
    extra_frames: list[str | bytes] = field(default_factory=list)
    """Frames to send to the submitter right after execution_start."""


def with_faults(frames: list[Frame], faults: Faults) -> list[Frame]:
    """The frames of a prompt with the extra ones after its first node began."""
    extra: list[Frame] = []
    for raw in faults.extra_frames:
        extra.append(
            Frame(raw if isinstance(raw, bytes) else {"type": "raw", "raw": raw, "data": {}})
        )
    if faults.huge_preview_bytes:
        jpeg = base64.b64decode("/9j/4AAQSkZJRg==")
        head = struct.pack(">II", 1, 1)
        extra.append(Frame(head + jpeg.ljust(faults.huge_preview_bytes, b"\0")))
    at = next(
        (n + 1 for n, frame in enumerate(frames) if frame.kind == "executing"), len(frames) - 1
    )
    return frames[:at] + extra + frames[at:]
