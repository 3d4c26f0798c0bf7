"""The object store in S3, or in a server that speaks its protocol."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

from s3transfer.futures import TransferFuture
from s3transfer.manager import TransferConfig, TransferManager
from s3transfer.subscribers import BaseSubscriber

from jigdesk.adapters.store.disk import (
    CHUNK_BYTES,
    check_size,
    check_stop,
    disk_errors,
    save_stream,
)
from jigdesk.adapters.store.metadata import DEFAULT_TYPE, check_type, guess_type, is_shown
from jigdesk.adapters.store.s3_abort import Connections
from jigdesk.adapters.store.s3_errors import refusal_of, s3_errors, was_repeated
from jigdesk.domain.clock import Clock, utc_now
from jigdesk.domain.errors import ObjectNotFound, PreconditionFailed, StoreError
from jigdesk.ports import FileDigest, ObjectInfo, ObjectPage, Presigned

MAX_PAGE = 1000
MAX_DELETE = 1000
MAX_EXPIRES_S = 604_800
"""Seven days: no signature of version 4 is valid for longer."""

PART_BYTES = 16 << 20
UPLOAD_THREADS = 4

_CURSOR = "|"
"""Marks the server's own cursor in `next_after`; no key of ours holds this character."""


class S3Store:
    """Implements `BlockingStore` with a boto3 client (see `s3_client.open_s3`). Thread-safe.

    Listings come in the server's own order, which at SeaweedFS differs from S3's where a file
    and a folder share the beginning of their names.
    """

    def __init__(
        self,
        client: Any,
        bucket: str,
        *,
        public_base_url: str | None = None,
        checksum: str | None = None,
        clock: Clock = utc_now,
    ) -> None:
        """Work on `bucket`.

        `public_base_url` is a CDN before `outputs/`; `checksum` the algorithm that the server
        keeps with each object (`SHA256`), None when it has none.
        """
        self._connections = Connections()
        self._connections.watch(client)
        self._client = client
        self._bucket = bucket
        self._public_base_url = public_base_url.rstrip("/") if public_base_url else None
        self._checksum = {} if checksum is None else {"ChecksumAlgorithm": checksum}
        self._clock = clock
        self._transfers = TransferConfig(
            multipart_threshold=PART_BYTES,
            multipart_chunksize=PART_BYTES,
            max_request_concurrency=UPLOAD_THREADS,
            max_submission_concurrency=1,
        )

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""
        return self._bucket

    def abort(self) -> None:
        """End every call under way with StoreUnavailable, and every later one."""
        self._connections.abort()

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._client.close()

    def head(self, key: str) -> ObjectInfo | None:
        """See BlockingStore.head."""
        try:
            with s3_errors(self._bucket, key):
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except ObjectNotFound:
            return None
        return _info(key, answer)

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """See BlockingStore.get."""
        with self._open(key) as (body, info), s3_errors(self._bucket, key):
            if info.size_bytes > max_bytes:
                raise StoreError(f"{key!r} is larger than {max_bytes} bytes.", code="too_large")
            return body.read(), info

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """See BlockingStore.put."""
        check_type(content_type)
        conditions: dict[str, str] = {"IfNoneMatch": "*"} if create_only else {}
        if if_match is not None:
            conditions["IfMatch"] = f'"{if_match}"'
        try:
            with s3_errors(self._bucket, key, conditional=bool(conditions)):
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    **self._checksum,
                    **conditions,
                )
        except PreconditionFailed as error:
            if was_repeated(error) and (mine := self._written_already(key, body)) is not None:
                return mine
            raise
        return ObjectInfo(
            key=key,
            size_bytes=len(body),
            etag=answer["ETag"].strip('"'),
            last_modified=self._answered_at(answer),
            content_type=content_type,
        )

    def download(
        self, key: str, path: Path, max_bytes: int, *, stop: Event | None = None
    ) -> FileDigest:
        """See BlockingStore.download."""
        with self._open(key) as (body, info):
            name = key.rpartition("/")[2]
            check_size(name, info.size_bytes, max_bytes)
            return save_stream(self._chunks(body, key), path, name, max_bytes, stop)

    def upload(
        self, path: Path, key: str, content_type: str, *, stop: Event | None = None
    ) -> ObjectInfo:
        """See BlockingStore.upload."""
        check_type(content_type)
        check_stop(stop)
        # what of an OSError is the network's, the inner one knows
        with disk_errors(f"Cannot read {path.name!r}"), s3_errors(self._bucket, key):
            size_bytes = path.stat().st_size
            if size_bytes < PART_BYTES:
                self._upload_whole(path, key, content_type)
            else:
                self._upload_parts(path, key, content_type, stop)
        info = self.head(key)
        if info is None or info.size_bytes != size_bytes:
            raise StoreError(f"{key!r} is not in the store as it was sent: did the file change?")
        return info

    def delete(self, keys: Iterable[str]) -> None:
        """See BlockingStore.delete."""
        left = iter(keys)
        while batch := [{"Key": key} for key in islice(left, MAX_DELETE)]:
            with s3_errors(self._bucket):
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": batch, "Quiet": True}
                )
            for error in answer.get("Errors", ()):
                if error.get("Code") != "NoSuchKey":
                    raise refusal_of(str(error.get("Code", "unknown")), self._bucket)

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = MAX_PAGE,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """See BlockingStore.page. `after` may be a key too, not only a `next_after`."""
        request: dict[str, Any] = {"Prefix": prefix, "MaxKeys": max(1, min(limit, MAX_PAGE))}
        if delimiter is not None:
            request["Delimiter"] = delimiter
        if after is not None and after.startswith(_CURSOR):
            request["ContinuationToken"] = after.removeprefix(_CURSOR)
        elif after:
            request["StartAfter"] = after
        with s3_errors(self._bucket):
            answer = self._client.list_objects_v2(Bucket=self._bucket, **request)
        more = answer.get("IsTruncated", False)
        return ObjectPage(
            objects=tuple(_listed(each) for each in answer.get("Contents", ())),
            prefixes=tuple(each["Prefix"] for each in answer.get("CommonPrefixes", ())),
            next_after=_CURSOR + answer["NextContinuationToken"] if more else None,
        )

    def presign_get(self, key: str, expires_s: int) -> str:
        """See BlockingStore.presign_get; results go through the CDN where there is one.

        The URL also dies with the credentials that signed it, if those are temporary.
        """
        if self._public_base_url is not None and key.startswith("outputs/"):
            return f"{self._public_base_url}/{quote(key)}"
        request = {"Bucket": self._bucket, "Key": key}
        if not is_shown(guess_type(key)):
            request["ResponseContentDisposition"] = "attachment"
        return self._presign("get_object", request, expires_s)

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """See BlockingStore.presign_put. S3 cannot bound a length that is left open."""
        check_type(content_type)
        headers = {"Content-Type": content_type}
        request: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentType": content_type,
        }
        if size_bytes is not None:
            request["ContentLength"] = size_bytes
        if sha256 is not None:
            checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
            request["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = checksum
        expires_at = self._clock() + timedelta(seconds=min(expires_s, MAX_EXPIRES_S))
        url = self._presign("put_object", request, expires_s)
        return Presigned("PUT", url, headers, expires_at)

    def _presign(self, operation: str, request: dict[str, Any], expires_s: int) -> str:
        with s3_errors(self._bucket):
            url: str = self._client.generate_presigned_url(
                operation, Params=request, ExpiresIn=min(expires_s, MAX_EXPIRES_S)
            )
        return url

    @contextlib.contextmanager
    def _open(self, key: str) -> Iterator[tuple[Any, ObjectInfo]]:
        with s3_errors(self._bucket, key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
        with contextlib.closing(answer["Body"]) as body:
            yield body, _info(key, answer)

    def _chunks(self, body: Any, key: str) -> Iterator[bytes]:
        with s3_errors(self._bucket, key):
            yield from body.iter_chunks(CHUNK_BYTES)

    def _upload_whole(self, path: Path, key: str, content_type: str) -> None:
        with path.open("rb") as file:
            self._client.put_object(
                Bucket=self._bucket,
                Key=key,
                Body=file,
                ContentType=content_type,
                **self._checksum,
            )

    def _upload_parts(self, path: Path, key: str, content_type: str, stop: Event | None) -> None:
        """Send parts side by side; when one fails for good, none stays behind on the server."""
        extra = {"ContentType": content_type, **self._checksum}
        watching = [] if stop is None else [_StopWatch(stop)]
        with TransferManager(self._client, self._transfers) as transfers:
            transfers.upload(str(path), self._bucket, key, extra, watching).result()

    def _written_already(self, key: str, body: bytes) -> ObjectInfo | None:
        """What lies under `key` when it is `body`.

        The first try of a conditional write may have landed and only its answer got lost: the
        next try then loses against ourselves.
        """
        try:
            present, info = self.get(key, len(body))
        except StoreError:
            return None
        return info if present == body else None

    def _answered_at(self, answer: dict[str, Any]) -> datetime:
        """When the server answered a write, which is its LastModified within a second."""
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        try:
            return parsedate_to_datetime(date).astimezone(UTC) if date else self._clock()
        except ValueError:
            return self._clock()


class _StopWatch(BaseSubscriber):
    """Gives an upload up, between two reads of the file, once the caller wants it to end."""

    def __init__(self, stop: Event) -> None:
        super().__init__()
        self._stop = stop

    def on_progress(self, future: TransferFuture, bytes_transferred: int, **kwargs: Any) -> None:
        """Look whether to stop; called in the transfer's threads."""
        if self._stop.is_set():
            future.cancel()


def _info(key: str, answer: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        size_bytes=answer["ContentLength"],
        etag=answer["ETag"].strip('"'),
        last_modified=answer["LastModified"].astimezone(UTC),
        content_type=answer.get("ContentType", DEFAULT_TYPE),
    )


def _listed(entry: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        key=entry["Key"],
        size_bytes=entry["Size"],
        etag=entry["ETag"].strip('"'),
        last_modified=entry["LastModified"].astimezone(UTC),
    )
