"""Proving that a webhook was signed with our secret.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from datetime import datetime

from multidict import CIMultiDictProxy
from standardwebhooks.webhooks import hmac_data

from jigdesk.domain.errors import RequestError
from jigdesk.domain.signature import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    secret_key,
)

TOLERANCE_S = 300
MAX_ID_LENGTH = 128

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_ID = re.compile(r"[!-\-/-~]{1,128}")  # visible ASCII but the dot, which joins what is signed


def prove_signature(
    headers: CIMultiDictProxy[str], body: bytes, secrets: Sequence[str], now: datetime
) -> str:
    """Return the webhook's id once its signature is proven; raises RequestError(401) otherwise.

    Every secret and every `v1` signature is tried; a malformed one among several only does not
    count. `secrets` must have passed `secret_key`.

    WORKAROUND: `standardwebhooks.Webhook.verify` decodes the body before anything is proven
    (UnicodeDecodeError), unpacks each signature unchecked (ValueError), takes `1e9` and `12.5`
    as times, and reads the machine's clock; so the rules are here and only the HMAC is its own.
    """
    webhook_id = _one(headers, ID_HEADER)
    stamp = _one(headers, TIMESTAMP_HEADER)
    signatures = _one(headers, SIGNATURE_HEADER)
    if _TIMESTAMP.fullmatch(stamp) is None:
        raise _refused(f"{TIMESTAMP_HEADER} is not a whole number of seconds.")
    age_s = now.timestamp() - int(stamp)
    if age_s > TOLERANCE_S:
        raise _refused("The webhook was signed more than 5 minutes ago.")
    if age_s < -TOLERANCE_S:
        raise _refused("The webhook was signed more than 5 minutes in the future.")
    signed = f"{webhook_id}.{stamp}.".encode(errors="surrogateescape") + body
    given = [digest for word in signatures.split(" ") if (digest := _digest(word)) is not None]
    if not given:
        raise _refused(f"{SIGNATURE_HEADER} holds no 'v1,' signature.")
    proven = False
    for secret in secrets:
        expected = hmac_data(secret_key(secret), signed)
        for digest in given:
            proven |= hmac.compare_digest(expected, digest)
    if not proven:
        raise _refused("The signature does not fit the body and our secret.")
    return webhook_id


def check_webhook_id(webhook_id: str) -> str:
    """Bound an id before it is stored; raises RequestError(422)."""
    if _ID.fullmatch(webhook_id) is None:
        raise RequestError(
            422,
            "invalid_webhook",
            f"{ID_HEADER} must be 1 to {MAX_ID_LENGTH} visible ASCII characters without a dot.",
            field=ID_HEADER,
        )
    return webhook_id


def _one(headers: CIMultiDictProxy[str], name: str) -> str:
    values = headers.getall(name, [])
    if len(values) != 1 or not values[0]:
        raise _refused(f"{name} is missing." if not any(values) else f"{name} stands twice.")
    return values[0]


def _digest(word: str) -> bytes | None:
    version, _, encoded = word.partition(",")
    if version != "v1":
        return None
    try:
        return base64.b64decode(encoded, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _refused(why: str) -> RequestError:
    return RequestError(401, "bad_signature", why)
