"""What a media file is: kind, content type and size, read from its bytes within limits."""

from __future__ import annotations

import mimetypes
import warnings
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from jigdesk.domain.errors import ErrorCode, JobError

MAX_PIXELS = 256_000_000
"""Pixels over all frames that are decoded without a configured limit."""

_KINDS = {"image": "image", "video": "video", "audio": "audio", "text": "text", "model": "model3d"}
_TYPES = {
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".glb": "model/gltf-binary",
    ".gltf": "model/gltf+json",
    ".obj": "model/obj",
    ".ply": "model/ply",
    ".stl": "model/stl",
    ".flac": "audio/flac",
    ".opus": "audio/ogg",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".latent": "application/octet-stream",
    ".safetensors": "application/octet-stream",
}
_FORMATS = tuple(
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        MpoImagePlugin.MpoImageFile,  # what many phones write as .jpg
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
        BmpImagePlugin.BmpImageFile,
        TiffImagePlugin.TiffImageFile,
        AvifImagePlugin.AvifImageFile,
    )
    if plugin.format in Image.OPEN  # AVIF needs a library that some builds of Pillow lack
)
"""Only these are tried: the other readers of Pillow are rarely used and seldom looked at."""


@dataclass(frozen=True, slots=True)
class Media:
    """`width` and `height` in pixels and `duration_s` are None where the file has none."""

    kind: str
    content_type: str
    width: int | None = None
    height: int | None = None
    duration_s: float | None = None


def content_type_of(name: str) -> str:
    """The content type that a file's name stands for."""
    suffix = PurePosixPath(name).suffix.lower()
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def kind_of(content_type: str) -> str:
    """The contract's kind for a content type: image, video, audio, model3d, text or other."""
    return _KINDS.get(content_type.partition("/")[0], "other")


def describe(path: Path) -> Media:
    """Look at a result. Blocks. A file that cannot be read is described by its name alone."""
    content_type = content_type_of(path.name)
    kind = kind_of(content_type)
    if kind != "image":
        return Media(kind, content_type)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            return Media(kind, content_type, width, height, _duration_s(image))
    except (OSError, ValueError, Image.DecompressionBombError):
        return Media(kind, content_type)


def check_picture(path: Path, field: str, max_pixels: int | None = None) -> Media:
    """Decode an input picture within limits. Blocks.

    Raises JobError: VALIDATION_FAILED when it is no picture, INPUT_TOO_LARGE when it would
    decode to more than `max_pixels` (all frames; None: `MAX_PIXELS`).
    """
    limit = max_pixels or MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                width, height = image.size
                frames = int(getattr(image, "n_frames", 1))
                if width * height * frames > limit:
                    raise _too_large(field, width, height, frames, limit)
                image.load()
                return Media("image", content_type_of(path.name), width, height, _duration_s(image))
    except Image.DecompressionBombError as error:
        raise JobError(
            ErrorCode.INPUT_TOO_LARGE,
            f"The picture {path.name} has more pixels than the {limit:,} that are allowed.",
            field=field,
        ) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise JobError(
            ErrorCode.VALIDATION_FAILED,
            f"{path.name} cannot be read as a picture: it is damaged or of another type.",
            field=field,
        ) from error


def _too_large(field: str, width: int, height: int, frames: int, limit: int) -> JobError:
    size = f"{width} x {height} pixels" + (f" x {frames} frames" if frames > 1 else "")
    return JobError(
        ErrorCode.INPUT_TOO_LARGE,
        f"The picture has {size}; at most {limit:,} pixels are allowed.",
        field=field,
    )


def _duration_s(image: Image.Image) -> float | None:
    frames = int(getattr(image, "n_frames", 1))
    if frames < 2:  # noqa: PLR2004 - a still picture has no duration
        return None
    total_ms = 0.0
    for index in range(min(frames, 2_000)):
        image.seek(index)
        if image.format == "WEBP":  # says how long a frame lasts only once it is decoded
            image.load()
        total_ms += float(image.info.get("duration", 0) or 0)
    image.seek(0)
    return round(total_ms / 1000, 3) if total_ms else None
