"""The demo's sample picture."""

from __future__ import annotations

import io

from PIL import Image

from jigdesk.demo.sample import SIZE, sample_png


def test_it_is_a_picture_with_detail_and_always_the_same() -> None:
    body = sample_png()
    assert body == sample_png()
    with Image.open(io.BytesIO(body)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", SIZE)
        assert len(set(picture.convert("L").tobytes())) > 100
