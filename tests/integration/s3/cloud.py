"""S3's side: the bucket as a test looks at it, and the events that run the Lambdas' handlers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from jigdesk.domain.errors import JigDeskError
from lambdas.common.records import RecordsFailed
from lambdas.notify_webhook_on_s3_upload import handler as notify
from lambdas.s3_to_comfyui import handler as s3_to_comfyui
from tests.fakes.lambda_parts import s3_record

LOOK_S = 0.05
HANDLERS = {"inputs/": s3_to_comfyui.handler, "outputs/": notify.handler}


class Bucket:
    """The bucket past every store of ours. Its calls block for some milliseconds."""

    def __init__(self, client: BaseClient, name: str) -> None:
        self.client: Any = client
        self.name = name

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=body, ContentType=content_type)

    def get(self, key: str) -> bytes:
        """The object; KeyError when there is none."""
        try:
            return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())
        except self.client.exceptions.NoSuchKey:
            raise KeyError(key) from None

    def document(self, key: str) -> dict[str, Any]:
        return dict(json.loads(self.get(key)))

    def has(self, key: str) -> bool:
        try:
            self.client.head_object(Bucket=self.name, Key=key)
        except ClientError:
            return False
        return True

    def etags(self, prefix: str = "") -> dict[str, str]:
        """Every key that begins so, with what changes when it is written again."""
        found: dict[str, str] = {}
        for page in self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix
        ):
            for each in page.get("Contents", ()):
                found[each["Key"]] = f"{each['ETag']} {each['LastModified']}"
        return found

    def keys(self, prefix: str = "") -> set[str]:
        return set(self.etags(prefix))

    def delete(self, *keys: str) -> None:
        for key in keys:
            self.client.delete_object(Bucket=self.name, Key=key)

    def clear(self) -> None:
        self.delete(*self.keys())


class Cloud:
    """Turns every new object into an event and runs the handler, again while it raises.

    The real S3 server has no notifications, so this looks at the bucket; what the handlers do
    with an event is their own. `lost` holds endings of keys whose events never come.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._seen: dict[str, str] = {}
        self.lost: tuple[str, ...] = ()
        self.told: list[str] = []

    async def run(self) -> None:
        number = 0
        while True:
            for prefix, handler in HANDLERS.items():
                for key, etag in (await asyncio.to_thread(self._bucket.etags, prefix)).items():
                    if self._seen.get(key) == etag:
                        continue
                    number += 1
                    if not key.endswith(self.lost or ("\0",)):
                        event = {"Records": [s3_record(key, sequencer=f"{number:08X}")]}
                        try:
                            await asyncio.to_thread(handler, event, None)
                        except (RecordsFailed, JigDeskError):
                            continue  # S3 tries again
                        self.told.append(key)
                    self._seen[key] = etag
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def running_cloud(bucket: Bucket) -> AsyncIterator[Cloud]:
    """The events of a bucket until the block ends; an unexpected failure of it is raised."""
    cloud = Cloud(bucket)
    task = asyncio.create_task(cloud.run(), name="cloud")
    try:
        yield cloud
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
