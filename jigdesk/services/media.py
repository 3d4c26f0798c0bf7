"""What a media file is: kind, content type and size, read from its bytes within limits."""

from __future__ import annotations

import mimetypes
import struct
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
    WebPImagePlugin,
)

from jigdesk.domain.errors import ErrorCode, JobError

MAX_PIXELS = 256_000_000
"""Pixels over all frames that are decoded without a configured limit."""

UNREADABLE = (
    OSError,
    SyntaxError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    Image.DecompressionBombError,
)
"""What Pillow's and FFmpeg's readers raise for a damaged file: each stumbles in its own way."""

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
    ".wav": "audio/wav",
    ".m4a": "audio/mp4",
    ".opus": "audio/ogg",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".latent": "application/octet-stream",
    ".safetensors": "application/octet-stream",
}
OF_NO_KIND = frozenset({".latent", ".safetensors"})
"""Suffixes of files that are `other`, whatever a template calls its output."""

FORMATS = tuple(
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


_MIME = {name: Image.MIME[name] for name in FORMATS if name in Image.MIME} | {"MPO": "image/jpeg"}


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
    if kind in ("video", "audio"):
        return _describe_clip(path, kind, content_type)
    if kind != "image":
        return Media(kind, content_type)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                width, height = image.size
                content_type = _MIME.get(image.format or "") or content_type
                return Media(kind, content_type, width, height, _duration_s(image))
    except UNREADABLE:
        return Media(kind, content_type)


def _describe_clip(path: Path, kind: str, content_type: str) -> Media:
    from jigdesk.services import frames  # noqa: PLC0415 - av is slow to load

    try:
        clip = frames.look(path)
    except frames.Unreadable:
        return Media(kind, content_type)
    if kind == "video" and not clip.has_video and clip.has_audio:  # a webm or mp4 of sound alone
        kind, content_type = "audio", content_type.replace("video/", "audio/")
    if kind == "audio":
        return Media(kind, content_type, duration_s=clip.duration_s)
    return Media(kind, content_type, clip.width, clip.height, clip.duration_s)


def check_clip(
    path: Path, kind: str, field: str, *, max_seconds: int = 0, max_pixels: int | None = None
) -> Media:
    """Read the head of an input video or sound within limits. Blocks.

    Raises JobError: VALIDATION_FAILED when it is none, INPUT_TOO_LARGE when it is longer than
    `max_seconds` (0: any length) or its frames have more than `max_pixels` (None: `MAX_PIXELS`).
    A length that the file does not say is too long where there is a limit.
    """
    from jigdesk.services import frames  # noqa: PLC0415 - av is slow to load

    noun = "video" if kind == "video" else "sound"
    try:
        clip = frames.look(path)
    except frames.Unreadable as error:
        raise JobError(
            ErrorCode.VALIDATION_FAILED,
            f"{path.name} cannot be read as a {noun}: it is damaged or of another type.",
            field=field,
        ) from error
    if not (clip.has_video if kind == "video" else clip.has_audio):
        raise JobError(ErrorCode.VALIDATION_FAILED, f"{path.name} has no {noun}.", field=field)
    if max_seconds and (clip.duration_s is None or clip.duration_s > max_seconds):
        length = (
            "does not say how long it is"
            if clip.duration_s is None
            else (f"is {clip.duration_s:g} s long")
        )
        raise JobError(
            ErrorCode.INPUT_TOO_LARGE,
            f"The {noun} {path.name} {length}; at most {max_seconds:,} s are allowed.",
            field=field,
        )
    width, height = clip.width or 0, clip.height or 0
    if kind == "video" and width * height > (limit := max_pixels or MAX_PIXELS):
        raise _too_large(field, width, height, 1, limit)
    return Media(kind, content_type_of(path.name), clip.width, clip.height, clip.duration_s)


def check_picture(path: Path, field: str, max_pixels: int | None = None) -> Media:
    """Decode an input picture within limits. Blocks.

    Raises JobError: VALIDATION_FAILED when it is no picture, INPUT_TOO_LARGE when it would
    decode to more than `max_pixels` (all frames; None: `MAX_PIXELS`).
    """
    limit = max_pixels or MAX_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
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
    except UNREADABLE as error:
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
