"""The graph in a file: API-format JSON, or a picture that ComfyUI saved with its graph in it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from jigdesk.domain.errors import JigDeskError
from jigdesk.domain.template import MAX_GRAPH_BYTES

_MAX_PICTURE_BYTES = 512 * 1024 * 1024
_PICTURES = ("PNG", "WEBP")
_EXIF_TAGS = (0x0110, 0x010F, 0x010E, 0x010D)  # Model, Make and below: where WEBP keeps them


def read_graph_file(path: Path) -> bytes:
    """The bytes of the graph in `path`. Blocks.

    A picture with the editor's workflow alone gives that one back: whoever reads it says how
    to export the right one. Raises JigDeskError for a file without a graph.
    """
    try:
        if path.stat().st_size > _MAX_PICTURE_BYTES:
            raise JigDeskError("file", f"{path.name} is too large.")
        with path.open("rb") as file:
            head = file.read(1)
            if head in (b"{", b"[", b" ", b"\n", b"\r", b"\t", b"\xef"):
                return head + file.read(MAX_GRAPH_BYTES + 1)
        texts = _texts(path)
    except (UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as exc:
        raise JigDeskError("file", f"{path.name} is neither JSON nor a PNG or WEBP.") from exc
    except OSError as exc:
        raise JigDeskError(
            "file", f"{path.name} cannot be read: {exc.strerror or 'it is damaged'}."
        ) from exc
    for name in ("prompt", "workflow"):
        if name in texts:
            return texts[name].encode()
    raise JigDeskError(
        "file",
        f"{path.name} holds no workflow: it was not saved by ComfyUI, or another program took "
        "what was in it away.",
    )


def _texts(path: Path) -> dict[str, str]:
    with Image.open(path, formats=_PICTURES) as image:
        if image.format == "PNG":
            image.load()  # what stands after the pixels counts too
            listed = getattr(image, "text", {})
            return {name: str(text) for name, text in listed.items()}
        exif = image.getexif()
        texts = {}
        for tag in _EXIF_TAGS:
            name, _, text = str(exif.get(tag, "")).partition(":")
            texts[name.strip()] = text
        return texts
