"""Reading what a stranger sends: bounded in bytes and in time."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from jigdesk.domain.errors import RequestError
from jigdesk.domain.strict_json import JsonRefused, decode

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class ReadBody:
    """What came of a body; not `is_whole` when it was refused, broke off or was too slow."""

    body: bytes
    is_whole: bool


READ = web.RequestKey("read", ReadBody)
"""Set by `read_body` however it ends, for whoever logs the request."""


async def read_body(request: web.Request, max_bytes: int, timeout_s: float) -> bytes:
    """Read the whole body, chunked or not.

    What came of it is at `READ` of the request, too, whether it was all or not.
    Raises RequestError: 413 over `max_bytes`, 408 when it takes longer than `timeout_s`, 415 for
    a compressed one (a small body may unpack into a huge one), 400 when it breaks off.
    """
    request[READ] = ReadBody(b"", is_whole=not request.body_exists)
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise RequestError(415, "unsupported_media_type", "A compressed body is not taken here.")
    if request.content_length is not None and request.content_length > max_bytes:
        raise _too_large(max_bytes)
    body = bytearray()
    is_whole = False
    try:
        async with asyncio.timeout(timeout_s):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > max_bytes:
                    raise _too_large(max_bytes)
        is_whole = True
    except TimeoutError:
        raise RequestError(
            408, "too_slow", f"The body did not come within {timeout_s:g} s."
        ) from None
    except (web.RequestPayloadError, HttpProcessingError):
        raise RequestError(400, "bad_request", "The body broke off or is badly framed.") from None
    finally:
        request[READ] = ReadBody(bytes(body), is_whole)
    return request[READ].body


def parse_json(body: bytes) -> Any:
    """Decode JSON strictly; raises ValueError with a sentence fit for the sender.

    Beside what `strict_json` refuses, halves of surrogate pairs: nothing that holds one can be
    written as UTF-8 again.
    """
    try:
        data = decode(body, max_bytes=len(body))
        if _SURROGATE.search(body):
            json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("The body holds half of a surrogate pair.") from None
    except JsonRefused as refusal:
        raise ValueError(f"The body cannot be read: {refusal}.") from None
    return data


def source_address(request: web.Request) -> str:
    """Who sent this: the peer, or what the tunnel on this machine says it forwards for.

    Only a loopback peer is believed, and of its `X-Forwarded-For` only the last entry: that one
    it added itself, everything before it came from outside.
    """
    peer = request.remote or "unknown"
    forwarded = request.headers.getall("X-Forwarded-For", [])
    if not forwarded or not _is_loopback(peer):
        return peer
    last = forwarded[-1].rsplit(",", 1)[-1].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return peer


def _is_loopback(peer: str) -> bool:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _too_large(max_bytes: int) -> RequestError:
    return RequestError(413, "too_large", f"The body is over {max_bytes} bytes.")
