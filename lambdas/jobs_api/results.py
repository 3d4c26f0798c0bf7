"""A job's result files with signed URLs."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from typing import Any

from jigdesk.domain import keys
from jigdesk.domain.ids import is_stage_name
from jigdesk.domain.job import JobStatus
from jigdesk.ports import ObjectInfo
from lambdas.common.documents import read_document
from lambdas.common.ports import DocumentStore

MAX_FILES = 2_000
_MODELS = (".glb", ".gltf", ".obj", ".ply", ".stl", ".fbx", ".usdz", ".splat")
_TEXTS = (".txt", ".json", ".md", ".csv", ".srt", ".vtt")
_BESIDE_URL = (
    "stage",
    "output",
    "index",
    "kind",
    "content_type",
    "size_bytes",
    "sha256",
    "width",
    "height",
    "duration_s",
    "partial",
)


class ResultFiles:
    """Lists results: from output.json once it counts, else what is in the store so far."""

    def __init__(self, store: DocumentStore, url_ttl_s: int) -> None:
        self._store = store
        self._url_ttl_s = url_ttl_s

    def of(self, job_id: str, status: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        """At most 2,000 files, each with `key`, `kind`, `stage`, `url` and what is known of it."""
        if status is None:
            return []
        if status.get("status") == JobStatus.COMPLETED:
            found = read_document(self._store, keys.output_json_key(job_id))
            if found is not None and found[0].get("attempt") == status.get("attempt"):
                return self._from_document(job_id, found[0])
        return self._from_listing(job_id)

    def _from_document(self, job_id: str, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        listed = document.get("files")
        files = []
        for item in listed[:MAX_FILES] if isinstance(listed, list) else []:
            # signing a key is giving it away: only this job's own are
            if not isinstance(item, Mapping) or not _is_result(item.get("key"), job_id):
                continue
            file = {
                "key": item["key"],
                **{name: item[name] for name in _BESIDE_URL if name in item},
                "url": self._store.presign_get(item["key"], self._url_ttl_s),
            }
            thumb_key = item.get("thumb_key")
            if _is_thumb(thumb_key, job_id):
                file["thumb_url"] = self._store.presign_get(str(thumb_key), self._url_ttl_s)
            files.append(file)
        return files

    def _from_listing(self, job_id: str) -> list[dict[str, Any]]:
        files: list[dict[str, Any]] = []
        after: str | None = None
        while len(files) < MAX_FILES:
            page = self._store.page(keys.outputs_prefix(job_id), after=after)
            files += [
                self._listed(info, job_id) for info in page.objects if _is_result(info.key, job_id)
            ]
            after = page.next_after
            if after is None:
                break
        return files[:MAX_FILES]

    def _listed(self, info: ObjectInfo, job_id: str) -> dict[str, Any]:
        path = info.key.removeprefix(keys.outputs_prefix(job_id))
        content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        return {
            "key": info.key,
            "stage": path.partition("/")[0],
            "kind": _kind(path, content_type),
            "content_type": content_type,
            "size_bytes": info.size_bytes,
            "url": self._store.presign_get(info.key, self._url_ttl_s),
        }


def _is_result(key: object, job_id: str) -> bool:
    """Whether `key` is `outputs/{job_id}/{stage}/{file}`: output.json and error.json are not."""
    if not isinstance(key, str):
        return False
    parsed = keys.parse_key(key)
    if parsed is None or parsed.area != "outputs" or parsed.job_id != job_id:
        return False
    stage, _, file = parsed.path.partition("/")
    return is_stage_name(stage) and file != ""


def _is_thumb(key: object, job_id: str) -> bool:
    prefix = keys.job_key(job_id, "thumbs/")
    return isinstance(key, str) and key.startswith(prefix) and keys.is_safe_path(key[len(prefix) :])


def _kind(path: str, content_type: str) -> str:
    major = content_type.partition("/")[0]
    if major in ("image", "video", "audio"):
        return major
    if path.lower().endswith(_MODELS):
        return "model3d"
    if major == "text" or path.lower().endswith(_TEXTS):
        return "text"
    return "other"
