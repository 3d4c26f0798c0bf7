"""Nodes that make and change pictures, with the inputs of ComfyUI's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from jigdesk.demo import pictures
from jigdesk.demo.run import Images, NodeResult, NodeRun
from jigdesk.demo.schema import Input, NodeClass

MAX_RESOLUTION = 16384
BLEND_MODES = ("normal", "multiply", "screen", "overlay", "soft_light", "difference")
POST_PROCESSING = "comfy_extras.nodes_post_processing"


def image_nodes() -> tuple[NodeClass, ...]:
    """The node classes of this module."""
    image = Input("image", "IMAGE")
    modern_image = Input("image", "IMAGE", modern=True)
    method = Input("upscale_method", "COMBO", choices=lambda: tuple(pictures.RESAMPLING))
    side = {"default": 512, "min": 0, "max": MAX_RESOLUTION, "step": 1}
    return (
        NodeClass(
            name="EmptyImage",
            display_name="EmptyImage",
            category="image",
            inputs=(
                Input("width", "INT", {**side, "min": 1}),
                Input("height", "INT", {**side, "min": 1}),
                Input("batch_size", "INT", {"default": 1, "min": 1, "max": 4096}),
                Input(
                    "color",
                    "INT",
                    {"default": 0, "min": 0, "max": 0xFFFFFF, "step": 1, "display": "color"},
                ),
            ),
            outputs=("IMAGE",),
            run=empty,
        ),
        NodeClass(
            name="ImageScale",
            display_name="Upscale Image",
            category="image/upscaling",
            inputs=(
                image,
                method,
                Input("width", "INT", side),
                Input("height", "INT", side),
                Input("crop", "COMBO", choices=lambda: ("disabled", "center")),
            ),
            outputs=("IMAGE",),
            run=scale,
        ),
        NodeClass(
            name="ImageScaleBy",
            display_name="Upscale Image By",
            category="image/upscaling",
            inputs=(
                image,
                method,
                Input("scale_by", "FLOAT", {"default": 1.0, "min": 0.01, "max": 8.0, "step": 0.01}),
            ),
            outputs=("IMAGE",),
            run=scale_by,
        ),
        NodeClass(
            name="ImageInvert",
            display_name="Invert Image",
            category="image",
            inputs=(image,),
            outputs=("IMAGE",),
            run=invert,
        ),
        NodeClass(
            name="ImageBatch",
            display_name="Batch Images",
            category="image",
            inputs=(Input("image1", "IMAGE"), Input("image2", "IMAGE")),
            outputs=("IMAGE",),
            run=batch,
        ),
        NodeClass(
            name="ImageBlend",
            display_name=None,
            category="image/postprocessing",
            module=POST_PROCESSING,
            modern=True,
            inputs=(
                Input("image1", "IMAGE", modern=True),
                Input("image2", "IMAGE", modern=True),
                _number("blend_factor", 0.5, 0.0, 1.0, 0.01),
                Input("blend_mode", "COMBO", choices=lambda: BLEND_MODES, modern=True),
            ),
            outputs=("IMAGE",),
            run=blend,
        ),
        NodeClass(
            name="ImageBlur",
            display_name=None,
            category="image/postprocessing",
            module=POST_PROCESSING,
            modern=True,
            inputs=(modern_image, _radius("blur_radius"), _number("sigma", 1.0, 0.1, 10.0, 0.1)),
            outputs=("IMAGE",),
            run=blur,
        ),
        NodeClass(
            name="ImageSharpen",
            display_name=None,
            category="image/postprocessing",
            module=POST_PROCESSING,
            modern=True,
            inputs=(
                modern_image,
                _radius("sharpen_radius"),
                _number("sigma", 1.0, 0.1, 10.0, 0.01),
                _number("alpha", 1.0, 0.0, 5.0, 0.01),
            ),
            outputs=("IMAGE",),
            run=sharpen,
        ),
    )


def _number(name: str, default: float, low: float, high: float, step: float) -> Input:
    extra = {"default": default, "min": low, "max": high, "step": step}
    return Input(name, "FLOAT", extra, modern=True)


def _radius(name: str) -> Input:
    return Input(name, "INT", {"default": 1, "min": 1, "max": 31, "step": 1}, modern=True)


def empty(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """A batch of one colour."""
    size = (given["width"], given["height"])
    count = given["batch_size"]
    pictures.check_pixels(size, count)
    color = given["color"]
    rgb = ((color >> 16) & 0xFF, (color >> 8) & 0xFF, color & 0xFF)
    return NodeResult(([Image.new("RGB", size, rgb) for _ in range(count)],))


def scale(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Scale to a size; a side of 0 follows from the other."""
    images: Images = given["image"]
    width, height = given["width"], given["height"]
    if width == 0 and height == 0:
        return NodeResult((images,))
    old_width, old_height = images[0].size
    size = (
        width or max(1, round(old_width * height / old_height)),
        height or max(1, round(old_height * width / old_width)),
    )
    method = pictures.RESAMPLING[given["upscale_method"]]
    return NodeResult((pictures.scale(images, size, method, given["crop"]),))


def scale_by(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Scale by a factor."""
    images: Images = given["image"]
    factor = given["scale_by"]
    size = (max(1, round(images[0].width * factor)), max(1, round(images[0].height * factor)))
    method = pictures.RESAMPLING[given["upscale_method"]]
    return NodeResult((pictures.scale(images, size, method),))


def invert(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """The negative."""
    return NodeResult(([ImageOps.invert(each) for each in given["image"]],))


def batch(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """One batch after the other, at the size of the first."""
    first: Images = given["image1"]
    second: Images = given["image2"]
    size = first[0].size
    pictures.check_pixels(size, len(first) + len(second))
    if second[0].size != size:
        second = pictures.scale(second, size, Image.Resampling.BILINEAR, "center")
    return NodeResult((first + second,))


def blend(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Mix two batches in one of six ways."""
    first: Images = given["image1"]
    second: Images = given["image2"]
    if second[0].size != first[0].size:
        second = pictures.scale(second, first[0].size, Image.Resampling.BICUBIC, "center")
    factor, mode = given["blend_factor"], given["blend_mode"]
    return NodeResult(([_blended(a, b, factor, mode) for a, b in pictures.pairs(first, second)],))


def _blended(first: Image.Image, second: Image.Image, factor: float, mode: str) -> Image.Image:
    match mode:
        case "normal":
            mixed = second
        case "multiply":
            mixed = ImageChops.multiply(first, second)
        case "screen":
            mixed = ImageChops.screen(first, second)
        case "overlay":
            mixed = ImageChops.overlay(first, second)
        case "soft_light":
            mixed = ImageChops.soft_light(first, second)
        case "difference":  # ComfyUI subtracts without a lower bound and clamps after the mix
            return ImageChops.subtract(first, second.point(lambda value: value * factor))
        case _:
            raise ValueError(f"Unsupported blend mode: {mode}")
    return Image.blend(first, mixed, factor)


def blur(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Soften with a Gaussian of the same spread as ComfyUI's kernel."""
    soften = ImageFilter.GaussianBlur(pictures.deviation(given["blur_radius"], given["sigma"]))
    return NodeResult(([_heard(run, each).filter(soften) for each in given["image"]],))


def sharpen(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Add ten times `alpha` of what a blur takes away: ComfyUI's kernel, written as a mask."""
    mask = ImageFilter.UnsharpMask(
        radius=pictures.deviation(given["sharpen_radius"], given["sigma"]),
        percent=round(1000 * given["alpha"]),
        threshold=0,
    )
    return NodeResult(([_heard(run, each).filter(mask) for each in given["image"]],))


def _heard(run: NodeRun, image: Image.Image) -> Image.Image:
    """Listen for an interrupt between the pictures of a batch."""
    run.interrupt.check()
    return image
