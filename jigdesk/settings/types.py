"""The kinds of values that settings have: each with a check and a text of what is allowed."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from jigdesk.domain.host import check_resolvable
from jigdesk.domain.quiet_hours import FORM, QuietRange

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252}[A-Za-z0-9])?")
_WEBHOOK_SECRET_BYTES = range(24, 65)


@dataclass(frozen=True, slots=True)
class Allowed:
    """A marker in a type's metadata: completes the sentence "must be …"."""

    text: str


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("has no http:// or https:// with a host")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("has a user name, a query or a fragment, and none belongs here")
    _ = parts.port  # raises ValueError when it is no port
    check_resolvable(parts.hostname)
    return text.rstrip("/")


def _origin(text: str) -> str:
    url = _http_url(text)
    if urlsplit(url).path:
        raise ValueError("has a path, which an origin does not have")
    return url


def _bucket(text: str) -> str:
    if _BUCKET.fullmatch(text) is None or ".." in text:
        raise ValueError("is no bucket name")
    return text


def _host(text: str) -> str:
    bare = text.removeprefix("[").removesuffix("]")
    if _HOST.fullmatch(bare):
        check_resolvable(bare)
        return bare
    ipaddress.IPv6Address(bare)  # raises ValueError with the reason
    return bare


def _app_id(text: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ValueError("is not all digits")
    return text


def _webhook_secret(secret: SecretStr) -> SecretStr:
    text = secret.get_secret_value()
    prefix, _, encoded = text.partition("_")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if prefix != "whsec" or len(raw) not in _WEBHOOK_SECRET_BYTES:
        raise ValueError("has not that form")
    return secret


def _quiet_range(text: str) -> str:
    QuietRange.parse(text)  # raises ValueError with the reason
    return text


def _program(text: str) -> str:
    if "/" in text or "\\" in text or text != text.strip():
        raise ValueError("is no name alone")
    return text


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Text = Annotated[
    str, Field(min_length=1, max_length=1024), Allowed("a text of 1 to 1024 characters")
]
HttpUrl = Annotated[str, AfterValidator(_http_url), Allowed("an http:// or https:// URL")]
Origin = Annotated[
    str, AfterValidator(_origin), Allowed("an origin such as https://www.example.com")
]
Bucket = Annotated[
    str,
    AfterValidator(_bucket),
    Allowed("3 to 63 of lowercase letters, digits, dots and dashes"),
]
Host = Annotated[str, AfterValidator(_host), Allowed("a host name or an IP address, with no port")]
Port = Annotated[int, Field(ge=0, le=65535)]
AppId = Annotated[
    str,
    Field(coerce_numbers_to_str=True),
    AfterValidator(_app_id),
    Allowed("the number that Pusher shows as app_id"),
]
Folder = Annotated[Path, Allowed("a folder")]
File = Annotated[Path, Allowed("a file")]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=16384), Allowed("a secret text")]
WebhookSecret = Annotated[
    SecretStr,
    AfterValidator(_webhook_secret),
    Allowed("whsec_ followed by the base64 of 24 to 64 random bytes"),
]
QuietText = Annotated[str, AfterValidator(_quiet_range), Allowed(f"a text such as {FORM}")]
Program = Annotated[
    str,
    Field(min_length=1, max_length=255),
    AfterValidator(_program),
    Allowed("a program's name without a folder, such as blender or game.exe"),
]
Seconds = Annotated[float, Field(gt=0, le=604800)]
Limit = Annotated[int, Field(ge=0, le=2**53)]
