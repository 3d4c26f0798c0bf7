"""Signing webhooks as the Standard Webhooks specification says; the listener verifies them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - the public prefix of every secret
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
SIGNATURE_HEADER = "webhook-signature"


def secret_key(secret: str) -> bytes:
    """The HMAC key inside `whsec_` + base64; raises ValueError, without the secret in it."""
    encoded = secret.removeprefix(SECRET_PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("a webhook secret is 'whsec_' followed by base64")
    return key


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers for `body`; `timestamp` is in whole seconds since 1970.

    Raises ValueError for a secret that is not base64 and for an id that would blur what was
    signed (the parts are joined by dots).
    """
    if not webhook_id or "." in webhook_id or not webhook_id.isascii():
        raise ValueError("a webhook id is plain text without a dot")
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret_key(secret), signed, hashlib.sha256).digest()
    return {
        ID_HEADER: webhook_id,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: f"v1,{base64.b64encode(digest).decode()}",
    }
