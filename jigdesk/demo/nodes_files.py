"""Nodes that read and write files, with the inputs of ComfyUI's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from jigdesk.demo import pictures
from jigdesk.demo.folders import Folders, OutsideFolder
from jigdesk.demo.run import Images, NodeResult, NodeRun
from jigdesk.demo.schema import Input, NodeClass

WEBP_METHODS = {"default": 4, "fastest": 0, "slowest": 6}
EXIF_MODEL = 0x0110  # where ComfyUI keeps the graph in a WEBP
EXIF_MAKE = 0x010F  # and below it, counting down, each entry of extra_pnginfo


def file_nodes(folders: Folders) -> tuple[NodeClass, ...]:
    """The node classes of this module, bound to the engine's folders."""
    return (
        NodeClass(
            name="LoadImage",
            display_name="Load Image",
            category="image",
            inputs=(Input("image", "COMBO", {"image_upload": True}, choices=folders.input_images),),
            outputs=("IMAGE", "MASK"),
            run=load_image,
            checked=("image",),
            check=lambda given: _missing(folders, given["image"]),
            changed=lambda given: _file_hash(folders, given.get("image")),
        ),
        NodeClass(
            name="SaveImage",
            display_name="Save Image",
            category="image",
            description="Saves the input images to the demo engine's output directory.",
            inputs=(
                Input("images", "IMAGE", {"tooltip": "The images to save."}),
                Input(
                    "filename_prefix",
                    "STRING",
                    {
                        "default": "ComfyUI",
                        "tooltip": "What the file's name begins with; may name a subfolder and "
                        "hold %year%, %month%, %day%, %width%, %height%.",
                    },
                ),
            ),
            outputs=(),
            run=save_image,
            output_node=True,
            saves_graph=True,
        ),
        NodeClass(
            name="PreviewImage",
            display_name="Preview Image",
            category="image",
            inputs=(Input("images", "IMAGE"),),
            outputs=(),
            run=preview_image,
            output_node=True,
            saves_graph=True,
        ),
        NodeClass(
            name="SaveAnimatedWEBP",
            display_name="SaveAnimatedWEBP",
            category="image/animation",
            module="comfy_extras.nodes_images",
            inputs=(
                Input("images", "IMAGE"),
                Input("filename_prefix", "STRING", {"default": "ComfyUI"}),
                Input("fps", "FLOAT", {"default": 6.0, "min": 0.01, "max": 1000.0, "step": 0.01}),
                Input("lossless", "BOOLEAN", {"default": True}),
                Input("quality", "INT", {"default": 80, "min": 0, "max": 100}),
                Input("method", "COMBO", choices=lambda: tuple(WEBP_METHODS)),
            ),
            outputs=(),
            run=save_animated_webp,
            output_node=True,
            saves_graph=True,
        ),
    )


def _missing(folders: Folders, value: object) -> str | None:
    if isinstance(value, str):
        try:
            if folders.annotated(value).is_file():
                return None
        except (OutsideFolder, OSError):  # OSError: a name that is too long
            pass
    return f"Invalid image file: {value}"


def _file_hash(folders: Folders, value: object) -> str | None:
    try:
        with folders.annotated(str(value)).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OutsideFolder, OSError):
        return None


def load_image(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Every frame of a picture, and its mask."""
    images, masks = pictures.load(run.folders.annotated(given["image"]))
    return NodeResult((images, masks))


def save_image(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Write a batch as PNG files with the graph in them."""
    return _save_png(run, given["images"], "output", given["filename_prefix"], compress_level=4)


def preview_image(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Write a batch to the temp folder."""
    prefix = f"ComfyUI_temp_{run.temp_tag}"
    return _save_png(run, given["images"], "temp", prefix, compress_level=1)


def _save_png(
    run: NodeRun, images: Images, kind: str, prefix: str, *, compress_level: int
) -> NodeResult:
    target = run.folders.save_target(kind, prefix, images[0].size)
    texts = PngInfo()
    texts.add_text("prompt", json.dumps(run.graph))
    for name, value in run.extra_pnginfo.items():
        texts.add_text(name, json.dumps(value))
    files = []
    for index, image in enumerate(images):
        run.interrupt.check()
        name = target.name(index, ".png")
        image.save(target.folder / name, pnginfo=texts, compress_level=compress_level)
        files.append({"filename": name, "subfolder": target.subfolder, "type": kind})
    return NodeResult(ui={"images": files})


def save_animated_webp(run: NodeRun, given: Mapping[str, Any]) -> NodeResult:
    """Write a batch as one animation."""
    images: Images = given["images"]
    target = run.folders.save_target("output", given["filename_prefix"], images[0].size)
    exif = Image.Exif()
    exif[EXIF_MODEL] = f"prompt:{json.dumps(run.graph)}"
    for offset, (key, value) in enumerate(run.extra_pnginfo.items()):
        exif[EXIF_MAKE - offset] = f"{key}:{json.dumps(value)}"
    name = target.name(0, ".webp")
    images[0].save(
        target.folder / name,
        save_all=True,
        append_images=images[1:],
        duration=int(1000.0 / given["fps"]),
        exif=exif,
        lossless=given["lossless"],
        quality=given["quality"],
        method=WEBP_METHODS[given["method"]],
    )
    file = {"filename": name, "subfolder": target.subfolder, "type": "output"}
    return NodeResult(ui={"images": [file], "animated": [len(images) != 1]})
