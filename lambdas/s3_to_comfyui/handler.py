"""AWS Lambda's entry point for uploads; everything is in `logic`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from lambdas.common.delivery import Desks
from lambdas.common.env import Environment, read_environment
from lambdas.s3_to_comfyui.logic import S3ToComfyUI


@lru_cache(maxsize=1)  # once a cold start; a changed environment builds anew
def _logic(environment: Environment) -> S3ToComfyUI:
    from lambdas.common.s3_store import S3Store, open_client  # noqa: PLC0415 - boto3 is heavy

    store = S3Store(
        open_client(region=environment.region, endpoint_url=environment.endpoint_url),
        environment.bucket,
    )
    desks = Desks(store, environment.sender(), fallback_url=environment.webhook_url)
    return S3ToComfyUI(store, environment.publisher(), desks)


def handler(event: Mapping[str, Any], context: object) -> dict[str, int]:
    """Process every record of an S3 event; raises when one failed, so that S3 tries again."""
    return {"jobs": _logic(read_environment(os.environ)).handle(event)}
