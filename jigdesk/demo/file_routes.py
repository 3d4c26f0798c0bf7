"""ComfyUI's HTTP routes for files: upload and view."""

from __future__ import annotations

import asyncio
import filecmp
import mimetypes
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from aiohttp import web

from jigdesk.demo.folders import FOLDER_TYPES, Folders, OutsideFolder

SHOWN_AS_TEXT = {
    "text/html",
    "text/html-sandboxed",
    "application/xhtml+xml",
    "text/javascript",
    "text/css",
}


@dataclass(frozen=True, slots=True)
class FileRoutes:
    """The routes; runs on the loop, touches files in threads."""

    folders: Folders
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def table(self) -> list[web.RouteDef]:
        """The routes to add, each also below `/api`."""
        return [
            route
            for prefix in ("", "/api")
            for route in (
                web.post(f"{prefix}/upload/image", self.upload),
                web.get(f"{prefix}/view", self.view),
            )
        ]

    async def upload(self, request: web.Request) -> web.Response:
        """Keep a file; renames it when another of that name is there, unless told to overwrite."""
        form = await request.post()
        image = form.get("image")
        kind = form.get("type", "input")
        subfolder = form.get("subfolder", "")
        if (
            not isinstance(image, web.FileField)
            or not image.filename
            or kind not in FOLDER_TYPES
            or not isinstance(subfolder, str)
        ):
            return web.Response(status=400)
        overwrite = form.get("overwrite") in ("true", "1")
        try:
            path = self.folders.inside(str(kind), subfolder, image.filename)
            async with self.one_at_a_time:  # two of one name must not both find it free
                name = await asyncio.to_thread(_keep, image.file, path, overwrite=overwrite)
        except (OutsideFolder, OSError):
            return web.Response(status=400)
        return web.json_response({"name": name, "subfolder": subfolder, "type": kind})

    async def view(self, request: web.Request) -> web.StreamResponse:
        """Give a file back."""
        query = request.query
        name = query.get("filename", "")
        if not name:
            return web.Response(status=404 if "filename" not in query else 400)
        kind = query.get("type", "output")
        if name.startswith("/") or ".." in name or kind not in FOLDER_TYPES:
            return web.Response(status=400)
        try:
            # As ComfyUI does: of a name with folders only its last part counts.
            path = self.folders.inside(kind, query.get("subfolder", ""), Path(name).name)
        except OutsideFolder:
            return web.Response(status=403)
        if not await asyncio.to_thread(path.is_file):
            return web.Response(status=404)
        content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if content_type in SHOWN_AS_TEXT:  # never shown by a browser as a page of this origin
            content_type = "application/octet-stream"
        shown = path.name.replace('"', "'").replace("\r", " ").replace("\n", " ")
        headers = {
            "Content-Disposition": f'filename="{shown}"',
            "Content-Type": content_type,
        }
        return web.FileResponse(path, headers=headers)


def _keep(file: IO[Any], path: Path, *, overwrite: bool) -> str:
    """Write the upload to `path` or, when that is taken, to `name (1).ext`; returns the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    file.seek(0)
    with part.open("wb") as target:
        shutil.copyfileobj(file, target)
    try:
        target_path = path
        number = 1
        while not overwrite and target_path.exists():
            if filecmp.cmp(part, target_path, shallow=False):
                break
            target_path = path.with_name(f"{path.stem} ({number}){path.suffix}")
            number += 1
        part.replace(target_path)
    finally:
        part.unlink(missing_ok=True)
    return target_path.name
