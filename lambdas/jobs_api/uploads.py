"""The files that a caller wants to upload: their names, sizes, types and digests."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jigdesk.domain.errors import JobError, RequestError
from jigdesk.domain.limits import MAX_FILES, Limits, check_files
from jigdesk.domain.manifest import Manifest, check_file
from jigdesk.domain.wording import quoted

MAX_PUT_BYTES = 5 * 1024**3
"""S3 takes no more in one PUT."""

_HALF = r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}"
_CONTENT_TYPE = re.compile(f"{_HALF}/{_HALF}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Upload:
    """One announced file; `sha256` is hex, None where the browser gave none."""

    name: str
    size_bytes: int
    content_type: str
    sha256: str | None

    def to_dict(self) -> dict[str, Any]:
        """As the index record keeps it."""
        return {
            "name": self.name,
            "size_bytes": self.size_bytes,
            "content_type": self.content_type,
            "sha256": self.sha256,
        }


def read_uploads(value: object, limits: Limits) -> tuple[Upload, ...]:
    """Check `files` of POST /api/jobs; raises RequestError 413 or 422 that names the field."""
    if value is None:
        value = []
    if not isinstance(value, list):
        raise _bad("files must be a list.", "files")
    if len(value) > MAX_FILES:
        check_files(limits, [0] * len(value))
    uploads = tuple(_upload(item, f"files[{index}]") for index, item in enumerate(value))
    check_files(limits, [upload.size_bytes for upload in uploads])
    _check_distinct(uploads)
    return uploads


def check_announced(manifest: Manifest, uploads: Sequence[Upload]) -> None:
    """Raise RequestError(422) unless every file that the request names is announced.

    One that no stage takes may come along: it counts with the others, and nobody waits for it.
    """
    announced = {upload.name for upload in uploads}
    missing = [name for name in manifest.files() if name not in announced]
    if missing:
        raise _bad(f"The request names {quoted(missing[0])}, which is not in files.", "files")


def _upload(item: object, field: str) -> Upload:
    if not isinstance(item, Mapping):
        raise _bad("A file is a JSON object with name, size_bytes and content_type.", field)
    try:
        name = check_file(item.get("name"), f"{field}.name")
    except JobError as error:
        raise _bad(error.message, error.field) from error
    size_bytes, content_type = item.get("size_bytes"), item.get("content_type")
    if (
        not isinstance(size_bytes, int)
        or isinstance(size_bytes, bool)
        or not 0 <= size_bytes <= MAX_PUT_BYTES
    ):
        raise _bad(
            f"size_bytes must be a whole number from 0 to {MAX_PUT_BYTES}.", f"{field}.size_bytes"
        )
    if not isinstance(content_type, str) or _CONTENT_TYPE.fullmatch(content_type) is None:
        raise _bad(
            "content_type must be a lowercase media type without parameters, such as image/png.",
            f"{field}.content_type",
        )
    sha256 = item.get("sha256")
    if sha256 is not None and (not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None):
        raise _bad("sha256 must be 64 lowercase hexadecimal digits.", f"{field}.sha256")
    return Upload(name, size_bytes, content_type, sha256)


def _check_distinct(uploads: Sequence[Upload]) -> None:
    """No two names may meet in a folder that folds case or composes accents, as many do."""
    folded = [unicodedata.normalize("NFC", upload.name).casefold() for upload in uploads]
    taken: set[str] = set()
    folders = {
        "/".join(parts[:depth])
        for parts in (name.split("/") for name in folded)
        for depth in range(1, len(parts))
    }
    for index, name in enumerate(folded):
        if name in taken or name in folders or name in ("request.json", "instructions.txt"):
            raise _bad(
                f"The name {quoted(uploads[index].name)} is taken already.", f"files[{index}].name"
            )
        taken.add(name)


def _bad(message: str, field: str | None) -> RequestError:
    return RequestError(422, "bad_file", message, field=field)
