"""Reading the small JSON documents of the store, written by this project and still checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jigdesk.domain.errors import ObjectNotFound, StoreError
from jigdesk.ports import ObjectInfo
from lambdas.common.ports import DocumentStore

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024


def encode(document: Mapping[str, Any]) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def decode_object(body: bytes) -> Mapping[str, Any]:
    """A JSON object; raises ValueError for everything else, deep nesting included."""
    try:
        data = json.loads(body)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - one kind for callers
    return data


def read_document(
    store: DocumentStore, key: str, max_bytes: int = MAX_DOCUMENT_BYTES
) -> tuple[Mapping[str, Any], ObjectInfo] | None:
    """A version 1 document and what the store says about it; None when there is none.

    Raises StoreError when something else lies under `key`, StoreUnavailable as the store does.
    """
    try:
        body, info = store.get(key, max_bytes)
    except ObjectNotFound:
        return None
    try:
        document = decode_object(body)
    except ValueError as error:
        raise StoreError(f"Object {key!r} is not a JSON document: {error}.") from error
    if document.get("version") != 1:
        raise StoreError(f"Object {key!r} has the unknown version {document.get('version')!r:.40}.")
    return document, info
