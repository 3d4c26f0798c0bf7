from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from jigdesk.demo.pictures import MAX_BATCH_PIXELS, TooManyPixels, deviation
from jigdesk.demo.run import Images, Interrupt, Interrupted, NodeResult

RunNode = Callable[..., NodeResult]


def plain(color: tuple[int, int, int] | str, size: tuple[int, int] = (8, 6)) -> Images:
    return [Image.new("RGB", size, color)]


def edge(size: tuple[int, int] = (64, 64)) -> Images:
    """Black on the left, white on the right."""
    picture = Image.new("RGB", size)
    picture.paste((255, 255, 255), (size[0] // 2, 0, *size))
    return [picture]


def pixel(images: Images, at: tuple[int, int] = (0, 0)) -> tuple[int, ...]:
    found = images[0].getpixel(at)
    assert isinstance(found, tuple)
    return found


def test_empty_image(run_node: RunNode) -> None:
    (images,) = run_node("EmptyImage", width=4, height=3, batch_size=2, color=0x102030).outputs
    assert [image.size for image in images] == [(4, 3)] * 2
    assert pixel(images) == (0x10, 0x20, 0x30)
    with pytest.raises(TooManyPixels):
        run_node("EmptyImage", width=16384, height=16384, batch_size=1, color=0)
    with pytest.raises(TooManyPixels):
        run_node("EmptyImage", width=512, height=512, batch_size=4096, color=0)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(16, 16, (16, 16)), (0, 12, (16, 12)), (4, 0, (4, 3)), (0, 0, (8, 6))],
)
def test_image_scale(width: int, height: int, size: tuple[int, int], run_node: RunNode) -> None:
    for method in ("nearest-exact", "bilinear", "area", "bicubic", "lanczos"):
        for crop in ("disabled", "center"):
            given = {"width": width, "height": height, "crop": crop, "upscale_method": method}
            (images,) = run_node("ImageScale", image=plain("red"), **given).outputs
            assert images[0].size == size
            assert pixel(images) == (255, 0, 0)


def test_image_scale_refuses_what_is_too_large(run_node: RunNode) -> None:
    given = {"width": 16384, "height": 16384, "crop": "disabled", "upscale_method": "area"}
    with pytest.raises(TooManyPixels):
        run_node("ImageScale", image=plain("red"), **given)


def test_image_scale_by(run_node: RunNode) -> None:
    for factor, size in ((2.0, (16, 12)), (0.1, (1, 1))):
        given = {"scale_by": factor, "upscale_method": "lanczos"}
        (images,) = run_node("ImageScaleBy", image=plain("red"), **given).outputs
        assert images[0].size == size


def test_image_invert(run_node: RunNode) -> None:
    (images,) = run_node("ImageInvert", image=plain((255, 0, 10))).outputs
    assert pixel(images) == (0, 255, 245)


def test_image_blur_softens_and_leaves_its_input_alone(run_node: RunNode) -> None:
    image = edge()
    before = image[0].tobytes()
    contrasts = []
    for radius in (1, 3, 10):
        (images,) = run_node("ImageBlur", image=image, blur_radius=radius, sigma=1.0).outputs
        left, right = pixel(images, (30, 32)), pixel(images, (33, 32))
        contrasts.append(right[0] - left[0])
    assert 255 > contrasts[0] > contrasts[1] > contrasts[2] > 0
    assert image[0].tobytes() == before


def test_the_blurs_spread_is_that_of_comfyuis_kernel() -> None:
    assert deviation(1, 10.0) == pytest.approx((2 / 3) ** 0.5, abs=0.01)  # nearly a box of 3
    assert deviation(3, 0.1) == pytest.approx(0.09, abs=0.01)  # nearly a point
    assert deviation(31, 1.0) == pytest.approx(31 * 0.54, rel=0.02)  # cut off at one sigma


def test_image_sharpen_raises_the_contrast_at_an_edge(run_node: RunNode) -> None:
    (soft,) = run_node("ImageBlur", image=edge(), blur_radius=4, sigma=1.0).outputs
    given = {"sharpen_radius": 2, "sigma": 1.0}
    (same,) = run_node("ImageSharpen", image=soft, alpha=0.0, **given).outputs
    (sharp,) = run_node("ImageSharpen", image=soft, alpha=0.5, **given).outputs
    assert ImageChops.difference(soft[0], same[0]).getbbox() is None
    assert ImageStat.Stat(sharp[0]).stddev[0] > ImageStat.Stat(soft[0]).stddev[0]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("normal", 100),
        ("multiply", 78),
        ("screen", 222),
        ("overlay", 189),
        ("soft_light", 189),
        ("difference", 100),
    ],
)
def test_image_blend(mode: str, expected: int, run_node: RunNode) -> None:
    first, second = plain((200, 200, 200)), plain((100, 100, 100), (16, 12))
    given = {"image1": first, "image2": second, "blend_mode": mode}
    (images,) = run_node("ImageBlend", blend_factor=1.0, **given).outputs
    assert images[0].size == (8, 6)
    assert pixel(images)[0] == pytest.approx(expected, abs=2)
    (images,) = run_node("ImageBlend", blend_factor=0.0, **given).outputs
    assert pixel(images)[0] == 200


def test_batches_of_one_blend_with_every_picture_and_others_must_match(run_node: RunNode) -> None:
    given = {"blend_factor": 0.5, "blend_mode": "normal"}
    (images,) = run_node(
        "ImageBlend", image1=plain("red") * 3, image2=plain("red"), **given
    ).outputs
    assert len(images) == 3
    with pytest.raises(RuntimeError, match="must match"):
        run_node("ImageBlend", image1=plain("red") * 3, image2=plain("red") * 2, **given)


def test_image_batch(run_node: RunNode) -> None:
    second = plain("blue", (32, 6))
    (images,) = run_node("ImageBatch", image1=plain("red"), image2=second).outputs
    assert [image.size for image in images] == [(8, 6)] * 2
    assert pixel(images[1:]) == (0, 0, 255)


def test_demo_refine(run_node: RunNode, interrupt: Interrupt) -> None:
    (images,) = run_node("DemoRefine", image=edge() * 2, steps=3).outputs
    assert [image.size for image in images] == [(64, 64)] * 2
    assert ImageChops.difference(images[0], images[1]).getbbox() is None
    interrupt.ask()
    with pytest.raises(Interrupted):
        run_node("DemoRefine", image=edge(), steps=3)


def test_save_image_embeds_the_graph(run_node: RunNode, tmp_path: Path) -> None:
    given = {"images": plain("red") * 2, "filename_prefix": "a/b"}
    for first in (1, 3):
        ui = run_node("SaveImage", **given).ui
        assert ui is not None
        names = [file["filename"] for file in ui["images"]]
        assert names == [f"b_{number:05}_.png" for number in (first, first + 1)]
    with Image.open(tmp_path / "output" / "a" / "b_00001_.png") as picture:
        assert json.loads(picture.info["prompt"]) == {"1": {"class_type": "SaveImage"}}
        assert json.loads(picture.info["workflow"]) == {"a": 1}
        assert picture.size == (8, 6)


def test_preview_image_goes_to_temp(run_node: RunNode, tmp_path: Path) -> None:
    ui = run_node("PreviewImage", images=plain("red")).ui
    assert ui is not None
    (file,) = ui["images"]
    assert file == {"filename": "ComfyUI_temp_abcde_00001_.png", "subfolder": "", "type": "temp"}
    assert (tmp_path / "temp" / file["filename"]).exists()


def test_save_animated_webp(run_node: RunNode, tmp_path: Path) -> None:
    frames = [*plain("red"), *plain("green"), *plain("blue")]
    given = {"filename_prefix": "x", "fps": 8.0, "lossless": True, "quality": 80}
    ui = run_node("SaveAnimatedWEBP", images=frames, method="default", **given).ui
    assert ui is not None
    assert ui["animated"] == [True]
    with Image.open(tmp_path / "output" / ui["images"][0]["filename"]) as picture:
        assert getattr(picture, "n_frames", 1) == 3
        picture.load()
        assert picture.info["duration"] == 125
        assert str(picture.getexif()[0x0110]).startswith("prompt:")


def test_load_image_gives_pictures_and_masks(run_node: RunNode, tmp_path: Path) -> None:
    folder = tmp_path / "input"
    Image.new("RGBA", (8, 6), (1, 2, 3, 55)).save(folder / "alpha.png")
    Image.new("RGB", (8, 6), (1, 2, 3)).save(folder / "opaque.png")
    Image.new("I;16", (8, 6), 0x8000).save(folder / "deep.png")
    plain("red")[0].save(
        folder / "moving.webp", save_all=True, append_images=plain("green"), lossless=True
    )
    images, masks = run_node("LoadImage", image="alpha.png").outputs
    assert pixel(images) == (1, 2, 3)
    assert (masks[0].size, masks[0].getpixel((0, 0))) == ((8, 6), 200)
    images, masks = run_node("LoadImage", image="opaque.png").outputs
    assert (masks[0].size, masks[0].getbbox()) == ((64, 64), None)
    images, _ = run_node("LoadImage", image="deep.png").outputs
    assert pixel(images) == (128, 128, 128)
    images, masks = run_node("LoadImage", image="moving.webp").outputs
    assert (len(images), len(masks)) == (2, 2)


def test_load_image_turns_a_photo_upright(run_node: RunNode, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    Image.new("RGB", (8, 6)).save(tmp_path / "input" / "photo.jpg", exif=exif)
    images, _ = run_node("LoadImage", image="photo.jpg").outputs
    assert images[0].size == (6, 8)


@pytest.mark.parametrize("side", [10_000, 14_000])
def test_load_image_refuses_bombs(side: int, run_node: RunNode, tmp_path: Path) -> None:
    assert side * side > MAX_BATCH_PIXELS
    Image.new("1", (side, side)).save(tmp_path / "input" / "bomb.png")
    with pytest.raises(Image.DecompressionBombError):
        run_node("LoadImage", image="bomb.png")
