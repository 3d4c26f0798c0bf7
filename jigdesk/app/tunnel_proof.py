"""The proof that a public URL leads to this run of this desk."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from enum import StrEnum

import aiohttp

from jigdesk.adapters.http.public import health_proof
from jigdesk.adapters.tunnel.ngrok_errors import is_of_the_account, translate

_MAX_ANSWER_BYTES = 4096
_OK, _MANY, _SERVER_ERROR = 200, 429, 500
_HEADERS = {"ngrok-skip-browser-warning": "1", "User-Agent": "jigdesk"}


class Verdict(StrEnum):
    """What a look through the public URL found."""

    OURS = "ours"
    STRANGER = "stranger"  # somebody answers, and it is not this run of this desk
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and why; `remedy` is what the owner can do, None where there is nothing special.

    `is_limit` says that a quota, a rate or the account stands in the way: neither another look
    soon nor another agent helps. `is_lasting` says that waiting a while does not either.
    """

    verdict: Verdict
    why: str
    remedy: str | None = None
    is_limit: bool = False
    is_lasting: bool = False


def judging_session(answer_s: float) -> aiohttp.ClientSession:
    """A session for `judge`; close it."""
    return aiohttp.ClientSession(
        # a connection that was kept proves nothing about the way of today
        connector=aiohttp.TCPConnector(force_close=True),
        timeout=aiohttp.ClientTimeout(total=answer_s),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


async def judge(http: aiohttp.ClientSession, url: str, run_key: bytes) -> Finding:
    """Ask for a proof through the URL that only this run of this desk can give."""
    nonce = secrets.token_urlsafe(24)
    target = f"{url.rstrip('/')}/healthz?nonce={nonce}"
    try:
        async with http.get(target, headers=_HEADERS, allow_redirects=False) as answer:
            body = await _first_bytes(answer)
            code = answer.headers.get("ngrok-error-code")
            status = answer.status
    except (aiohttp.ClientError, TimeoutError, OSError) as failed:
        return Finding(Verdict.UNREACHABLE, str(failed) or "no answer in time")
    if code is not None:
        return _refused(code, status)
    if status == _MANY:
        remedy = "Send less through it, or raise the plan of who runs the address."
        return Finding(
            Verdict.UNREACHABLE, "it takes no more requests for now (429).", remedy, is_limit=True
        )
    if status >= _SERVER_ERROR:
        return Finding(Verdict.UNREACHABLE, f"it answered with {status}")
    if status == _OK and health_proof(run_key, nonce).encode() in body:
        return Finding(Verdict.OURS, "reaches this desk")
    return Finding(Verdict.STRANGER, f"somebody else answers there, with {status}")


def _refused(code: str, status: int) -> Finding:
    """What ngrok's edge answered in the desk's place."""
    failure = translate(code)
    if status == _MANY or is_of_the_account(failure.code):
        return Finding(
            Verdict.UNREACHABLE,
            failure.message,
            failure.remedy,
            is_limit=True,
            is_lasting=failure.is_lasting,
        )
    return Finding(Verdict.UNREACHABLE, failure.message)


async def _first_bytes(answer: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= _MAX_ANSWER_BYTES:
            break
    return body
