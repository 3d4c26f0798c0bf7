"""The object store of the Lambdas over boto3."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError

from jigdesk.domain.errors import (
    JigDeskError,
    ObjectNotFound,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
)
from jigdesk.ports import ObjectInfo, ObjectPage, Presigned

S3Client = Any
"""boto3 makes its clients' classes at run time."""

_NOT_FOUND = frozenset({"404", "NoSuchKey", "NotFound"})
_PRECONDITION = frozenset({"412", "PreconditionFailed"})
# 409 ConditionalRequestConflict: S3 says to try the conditional write again
_TRANSIENT = frozenset(
    {"409", "ConditionalRequestConflict", "429", "SlowDown", "Throttling", "RequestTimeout"}
)
_FIRST_SERVER_ERROR = 500
_MAX_DELETE = 1000
_TOKEN_MARK = "\x00"  # noqa: S105 - no key begins with it, so a key can be told from S3's token


def open_client(*, region: str | None, endpoint_url: str | None) -> S3Client:
    """An S3 client whose presigned URLs name the regional endpoint.

    boto3 would presign for `bucket.s3.amazonaws.com`, and a new bucket answers there with a
    307 that breaks a browser's preflight: virtual addressing with a region avoids it.
    WORKAROUND boto3 #421. An endpoint of one's own gets path addressing.
    """
    session = boto3.session.Session(region_name=region)
    return session.client(
        "s3",
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            connect_timeout=5,
            read_timeout=20,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=16,
            s3={
                "addressing_style": "path" if endpoint_url else "virtual",
                "us_east_1_regional_endpoint": "regional",
            },
            # or a presigned PUT would carry a checksum that the browser cannot know
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class S3Store:
    """One bucket. Thread-safe, as boto3's clients are."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""
        return self._bucket

    def head(self, key: str) -> ObjectInfo | None:
        """What is stored under `key`; None when nothing is."""
        try:
            with _translated(key):
                found = self._client.head_object(Bucket=self._bucket, Key=key)
        except ObjectNotFound:
            return None
        return _info(key, found["ContentLength"], found)

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """The whole object; raises ObjectNotFound, or StoreError when over `max_bytes`."""
        with _translated(key):
            found = self._client.get_object(Bucket=self._bucket, Key=key)
            with found["Body"] as stream:
                if found["ContentLength"] > max_bytes:
                    raise StoreError(f"Object {key!r} is over {max_bytes} bytes.", code="too_large")
                body = stream.read()
        return body, _info(key, len(body), found)

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object; raises PreconditionFailed when a condition does not hold."""
        conditions: dict[str, Any] = {}
        if create_only:
            conditions["IfNoneMatch"] = "*"
        if if_match is not None:
            conditions["IfMatch"] = if_match
        try:
            with _translated(key):
                written = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ContentType=content_type,
                    **conditions,
                )
        except ObjectNotFound:
            if if_match is None:
                raise
            raise PreconditionFailed(key) from None  # If-Match on what is gone
        return ObjectInfo(
            key, len(body), written["ETag"].strip('"'), datetime.now(UTC), content_type
        )

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a missing one is no error."""
        names = list(keys)
        for start in range(0, len(names), _MAX_DELETE):
            part = names[start : start + _MAX_DELETE]
            with _translated(part[0]):
                answer = self._client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": key} for key in part], "Quiet": True},
                )
            if answer.get("Errors"):
                raise StoreError(f"{len(answer['Errors'])} objects could not be deleted.")

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """One page of the keys that begin with `prefix`, in key order, after `after`."""
        options: dict[str, Any] = {}
        if after is not None and after.startswith(_TOKEN_MARK):
            options["ContinuationToken"] = after.removeprefix(_TOKEN_MARK)
        elif after is not None:
            options["StartAfter"] = after
        if delimiter is not None:
            options["Delimiter"] = delimiter
        with _translated(prefix):
            answer = self._client.list_objects_v2(
                Bucket=self._bucket, Prefix=prefix, MaxKeys=limit, **options
            )
        objects = tuple(
            ObjectInfo(item["Key"], item["Size"], item["ETag"].strip('"'), item["LastModified"])
            for item in answer.get("Contents", [])
        )
        prefixes = tuple(item["Prefix"] for item in answer.get("CommonPrefixes", []))
        more = answer.get("IsTruncated", False)
        return ObjectPage(
            objects, prefixes, _TOKEN_MARK + answer["NextContinuationToken"] if more else None
        )

    def presign_get(self, key: str, expires_s: int) -> str:
        """An absolute URL that answers GET until it expires."""
        with _translated(key):
            url: str = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self._bucket, "Key": key}, ExpiresIn=expires_s
            )
        return url

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """A PUT for this content type and, unless None, exactly this length and SHA-256 (hex)."""
        headers = {"Content-Type": content_type}
        parameters: dict[str, Any] = {
            "Bucket": self._bucket,
            "Key": key,
            "ContentType": content_type,
        }
        if size_bytes is not None:
            parameters["ContentLength"] = size_bytes
        if sha256 is not None:
            checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
            parameters["ChecksumSHA256"] = headers["x-amz-checksum-sha256"] = checksum
        expires_at = datetime.now(UTC) + timedelta(seconds=expires_s)
        with _translated(key):
            url = self._client.generate_presigned_url(
                "put_object", Params=parameters, ExpiresIn=expires_s
            )
        return Presigned("PUT", url, headers, expires_at)


def _info(key: str, size_bytes: int, found: Any) -> ObjectInfo:
    return ObjectInfo(
        key,
        size_bytes,
        found["ETag"].strip('"'),
        found["LastModified"],
        found.get("ContentType", "application/octet-stream"),
    )


@contextmanager
def _translated(key: str) -> Iterator[None]:
    """Turn botocore's exceptions into the project's own; they do not leave this module."""
    try:
        yield
    except ClientError as error:
        raise _from_client_error(error, key) from error
    except (NoCredentialsError, ParamValidationError) as error:
        raise StoreError(f"The store refused {key!r}: {error}") from error
    except BotoCoreError as error:
        raise StoreUnavailable(f"The store cannot be reached: {error}") from error


def _from_client_error(error: ClientError, key: str) -> JigDeskError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _NOT_FOUND:
        return ObjectNotFound(key)
    if code in _PRECONDITION:
        return PreconditionFailed(key)
    if code in _TRANSIENT or status >= _FIRST_SERVER_ERROR:
        return StoreUnavailable(f"The store answered {code or status} for {key!r}.")
    return StoreError(f"The store refused {key!r}: {code or status}.", code="store_refused")
