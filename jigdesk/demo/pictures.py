"""Pillow, with limits: nothing here makes or opens a batch above MAX_BATCH_PIXELS."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageOps, ImageSequence

from jigdesk.demo.run import Images

MAX_BATCH_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
"""Pixels of all pictures of one batch together; Pillow's own limit for one picture."""

RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


class TooManyPixels(ValueError):
    """A batch above the demo engine's limit."""


def check_pixels(size: tuple[int, int], count: int) -> None:
    """Raise TooManyPixels for a batch of `count` pictures of `size` that is above the limit."""
    pixels = size[0] * size[1] * count
    if pixels > MAX_BATCH_PIXELS:
        raise TooManyPixels(
            f"{count} x {size[0]} x {size[1]} is {pixels} pixels, "
            f"above the demo engine's limit of {MAX_BATCH_PIXELS}"
        )


def load(path: Path) -> tuple[Images, Images]:
    """The pictures in a file (every frame of the first one's size) and their masks.

    Raises what Pillow raises for a file that is no picture, DecompressionBombError above the
    limit, and TooManyPixels for too many frames.
    """
    images: Images = []
    masks: Images = []
    with _opened(path) as file:
        for frame in ImageSequence.Iterator(file):
            upright = ImageOps.exif_transpose(frame)
            picture = _rgb(upright)
            if images and picture.size != images[0].size:
                continue
            check_pixels(picture.size, len(images) + 1)
            images.append(picture)
            masks.append(_mask(upright))
            if file.format == "MPO":  # its other frames are other views of the same picture
                break
    return images, masks


def _opened(path: Path) -> Image.Image:
    try:
        file = Image.open(path)
    except Image.DecompressionBombWarning as bomb:  # a warning that was turned into an error
        raise Image.DecompressionBombError(str(bomb)) from bomb
    if file.width * file.height > MAX_BATCH_PIXELS:
        file.close()
        raise Image.DecompressionBombError(
            f"{file.width} x {file.height} is above the limit of {MAX_BATCH_PIXELS} pixels"
        )
    return file


def _rgb(frame: Image.Image) -> Image.Image:
    if frame.mode.startswith("I"):  # 16 bits a pixel: scale, where convert() would clip
        return frame.convert("I").point([value >> 8 for value in range(65536)], "L").convert("RGB")
    return frame.convert("RGB")


def _mask(frame: Image.Image) -> Image.Image:
    """Opaque is 0, transparent 255; a picture without alpha has an empty mask of 64 x 64."""
    if "A" in frame.getbands():
        return ImageOps.invert(frame.getchannel("A"))
    if "transparency" in frame.info and frame.mode == "P":
        return ImageOps.invert(frame.convert("RGBA").getchannel("A"))
    return Image.new("L", (64, 64))


def scale(
    images: Images, size: tuple[int, int], method: Image.Resampling, crop: str = "disabled"
) -> Images:
    """Every picture at `size`; `crop` "center" keeps the shape and cuts what sticks out."""
    check_pixels(size, len(images))
    if crop == "center":
        return [ImageOps.fit(each, size, method) for each in images]
    return [each.resize(size, method) for each in images]


def deviation(radius: int, sigma: float) -> float:
    """The standard deviation in pixels of ComfyUI's Gaussian kernel.

    That kernel is cut off at `radius`, and its `sigma` counts in radii, not in pixels.
    """
    weights = [
        math.exp(-((at / radius) ** 2) / (2.0 * sigma * sigma)) for at in range(-radius, radius + 1)
    ]
    spread = sum(w * at * at for w, at in zip(weights, range(-radius, radius + 1), strict=True))
    return math.sqrt(spread / sum(weights))


def pairs(first: Images, second: Images) -> Iterator[tuple[Image.Image, Image.Image]]:
    """Match two batches; a batch of one goes with every picture of the other."""
    count = max(len(first), len(second))
    if {len(first), len(second)} - {1, count}:
        raise RuntimeError(
            f"The size of batch a ({len(first)}) must match the size of batch b ({len(second)})"
        )
    return zip(_stretched(first, count), _stretched(second, count), strict=True)


def _stretched(images: Images, count: int) -> Sequence[Image.Image]:
    return images * count if len(images) == 1 else images
