"""The binary frames in which previews travel."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

from PIL import Image

PREVIEW = 1
PREVIEW_WITH_METADATA = 4
JPEG = 1
PREVIEW_PX = 512


def preview_frame(image: Image.Image, metadata: dict[str, Any] | None) -> bytes:
    """Type 1 (format, JPEG), or type 4 (JSON, JPEG) for a client that reads `metadata`."""
    small = image.convert("RGB")
    small.thumbnail((PREVIEW_PX, PREVIEW_PX))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    if metadata is None:
        return struct.pack(">II", PREVIEW, JPEG) + buffer.getvalue()
    text = json.dumps({**metadata, "image_type": "image/jpeg"}).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(text)) + text + buffer.getvalue()
