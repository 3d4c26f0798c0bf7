"""Small pictures of results: what a list of jobs shows."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from jigdesk.services.media import FORMATS, MAX_PIXELS, UNREADABLE

log = logging.getLogger(__name__)

THUMB_PX = 512
THUMB_TYPE = "image/webp"
_QUALITY = 80
_QUICK = 1  # of 0 to 6: a job waits for this, and the file is small anyhow


def make_thumb(path: Path, kind: str, target: Path) -> bool:
    """Write a WEBP of at most 512 x 512 pixels of a picture, or a video's first frame. Blocks.

    False for what has no picture or cannot be read: a result without a small picture is a
    result all the same.
    """
    try:
        picture = _first_frame(path, kind)
        if picture is None:
            return False
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.part")
        picture.save(part, "WEBP", quality=_QUALITY, method=_QUICK)
        part.replace(target)
    except UNREADABLE as trouble:
        log.info("no small picture of %s: %s", path.name, type(trouble).__name__)
        return False
    return True


def _first_frame(path: Path, kind: str) -> Image.Image | None:
    if kind == "image":
        return _picture(path)
    if kind == "video":
        from jigdesk.services.frames import first_frame  # noqa: PLC0415 - av is slow to load

        frame = first_frame(path)
        if frame is not None:
            frame.thumbnail((THUMB_PX, THUMB_PX))
        return frame
    return None


def _picture(path: Path) -> Image.Image | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return None
                image.draft("RGB", (THUMB_PX, THUMB_PX))  # a JPEG is decoded small at once
                upright = ImageOps.exif_transpose(image)
                upright.thumbnail((THUMB_PX, THUMB_PX))
                return upright.convert("RGBA" if _has_alpha(upright) else "RGB")
        except Image.DecompressionBombError:
            return None


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
