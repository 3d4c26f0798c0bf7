"""Making the S3 client as this project needs it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, NoRegionError

from jigdesk.adapters.store.s3 import S3Store
from jigdesk.domain.errors import SetupError

CONNECT_TIMEOUT_S = 4
READ_TIMEOUT_S = 30
ATTEMPTS = 3
CONNECTIONS = 32

_DEFAULT_REGION = "us-east-1"


def open_s3(
    *,
    bucket: str,
    region: str | None = None,
    endpoint_url: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
    public_base_url: str | None = None,
) -> S3Store:
    """A store on `bucket`; None leaves each value to boto3's own chain of settings.

    Nothing is sent yet. Raises SetupError for settings that cannot work.
    """
    if (access_key_id is None) != (secret_access_key is None):
        raise SetupError(
            "store.access_key_id and store.secret_access_key are set together or not at all.",
            field="store.secret_access_key" if secret_access_key is None else "store.access_key_id",
        )
    try:
        session = boto3.session.Session(
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            region_name=region,
        )
        client = _client(session, endpoint_url, "path" if endpoint_url else _style(bucket))
        on_aws = _is_aws(client)
        if not on_aws and not endpoint_url:  # the endpoint came from boto3's own settings
            client = _client(session, None, "path")
    except NoRegionError as error:
        raise SetupError(
            "Set store.region to the bucket's region.", field="store.region"
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise SetupError(f"The store's settings do not work: {error}", field="store") from error
    return S3Store(
        client,
        bucket,
        public_base_url=public_base_url,
        # elsewhere the signed SHA-256 of each request's body guards the way, and servers differ
        # in what they make of checksums beside it
        checksum="SHA256" if on_aws else None,
    )


def _client(session: Any, endpoint_url: str | None, style: str) -> Any:
    options: Any = {
        "addressing_style": style,
        "us_east_1_regional_endpoint": "regional",
        "payload_signing_enabled": True,
    }
    region = session.region_name or (_DEFAULT_REGION if endpoint_url else None)
    if region is None:
        raise NoRegionError
    return session.client(
        "s3",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            signature_version="s3v4",
            s3=options,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            max_pool_connections=CONNECTIONS,
            tcp_keepalive=True,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


def _style(bucket: str) -> str:
    """How AWS is addressed.

    Only `virtual` makes boto3 presign for the regional host: the global one answers new buckets
    with a 307, which ends a browser's preflight (boto3 #421). A dot in the bucket's name does
    not fit Amazon's certificate.
    """
    return "path" if "." in bucket else "virtual"


def _is_aws(client: Any) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))
