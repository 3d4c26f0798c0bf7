"""Small videos and sounds."""

from __future__ import annotations

import io
import math
import struct
import wave

import av
from PIL import Image


def video(
    seconds: float = 1.0,
    width: int = 64,
    height: int = 48,
    *,
    fps: int = 8,
    form: str = "webm",
    codec: str = "libvpx-vp9",
) -> bytes:
    """A clip, by default a WEBM, whose colour changes."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as container:
        stream = container.add_stream(codec, rate=fps)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for place in range(round(seconds * fps)):
            picture = Image.new("RGB", (width, height), (20 * place % 256, 90, 200))
            container.mux(stream.encode(av.VideoFrame.from_image(picture)))
        container.mux(stream.encode())
    return buffer.getvalue()


def sound(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A WAV of one tone."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        count = round(seconds * rate)
        waves = (int(9000 * math.sin(place / 7)) for place in range(count))
        file.writeframes(struct.pack(f"<{count}h", *waves))
    return buffer.getvalue()
