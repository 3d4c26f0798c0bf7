"""The sample picture of the demo: drawn, so that no photograph has to ship."""

from __future__ import annotations

import io
import random

from PIL import Image, ImageDraw, ImageFilter

SIZE = (384, 256)
_SEED = 20
_GRAIN = 0.06


def sample_png() -> bytes:
    """A landscape with a sky, a sun, hills, water and some grain, as PNG; always the same bytes.

    Takes some 50 ms of one processor.
    """
    width, height = SIZE
    horizon = height * 5 // 8
    picture = Image.new("RGB", SIZE)
    picture.paste(_gradient((32, 60, 120), (250, 190, 130), (width, horizon)), (0, 0))
    picture.paste(_gradient((120, 130, 150), (20, 40, 70), (width, height - horizon)), (0, horizon))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((262, 70, 318, 126), fill=(255, 236, 190))
    dice = random.Random(_SEED)  # noqa: S311 - a picture, not a secret
    for depth, colour in enumerate(((92, 88, 120), (60, 70, 84), (34, 52, 46))):
        draw.polygon(_ridge(dice, depth, horizon), fill=colour)
    for _ in range(60):  # light on the water
        x, y = dice.randrange(width), dice.randrange(horizon + 6, height)
        draw.line((x, y, x + dice.randrange(6, 30), y), fill=(224, 196, 170))
    picture = picture.filter(ImageFilter.GaussianBlur(0.6))
    grain = Image.frombytes("L", SIZE, dice.randbytes(width * height))
    picture = Image.blend(picture, Image.merge("RGB", [grain] * 3), _GRAIN)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _gradient(
    top: tuple[int, int, int], bottom: tuple[int, int, int], size: tuple[int, int]
) -> Image.Image:
    bands = [
        Image.linear_gradient("L")
        .resize(size)
        .point([low + (high - low) * value // 255 for value in range(256)])
        for low, high in zip(top, bottom, strict=True)
    ]
    return Image.merge("RGB", bands)


def _ridge(dice: random.Random, depth: int, horizon: int) -> list[tuple[int, int]]:
    width = SIZE[0]
    line, y = [], horizon - 46 + 18 * depth
    for x in range(0, width + 24, 24):
        line.append((x, y))
        y = max(horizon - 70 + 18 * depth, min(horizon - 4, y + dice.randint(-13, 13)))
    return [*line, (width + 24, horizon + depth * 6), (0, horizon + depth * 6)]
