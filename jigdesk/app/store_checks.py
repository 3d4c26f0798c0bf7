"""Whether the object store does what the desk, the browsers and their signed URLs need of it."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from datetime import timedelta

import aiohttp

from jigdesk.app.kept_check import CheckCall
from jigdesk.domain.check import Check
from jigdesk.domain.clock import Clock
from jigdesk.domain.errors import StoreError, TransientError
from jigdesk.ports import ObjectStore, Presigned

ANSWER_S = 8.0
URL_TTL_S = 60
SKEW_NOTED = timedelta(seconds=30)
SKEW_HARMFUL = timedelta(minutes=5)
"""Signed webhooks are refused from here on; S3 itself refuses after 15 minutes."""

_TYPE = "application/octet-stream"


def store_check(store: ObjectStore, host_id: str) -> CheckCall:
    """Write, read back, list and delete a small object."""
    one_at_a_time = asyncio.Lock()  # two looks at once would read each other's words

    async def check() -> Check:
        key = _key(host_id, "check.json")
        body = json.dumps({"version": 1, "nonce": secrets.token_hex(8)}).encode()
        async with one_at_a_time:
            await store.put(key, body)
            back, _ = await store.get(key, 1024)
            listed = (await store.page(key, limit=1)).objects
            await store.delete([key])
        if back != body or not listed:
            return Check(
                "store",
                "error",
                "The store does not return what was written.",
                "Check that nothing caches or rewrites the bucket's answers.",
            )
        return Check("store", "ok", f"Bucket {store.bucket} can be written, read and listed.")

    return check


def clock_check(store: ObjectStore, host_id: str, clock: Clock) -> CheckCall:
    """How far this machine's clock is from the store's, by the time of an object just written."""

    async def check() -> Check:
        key = _key(host_id, "clock.json")
        before = clock()
        written = (await store.put(key, b'{"version": 1}')).last_modified
        after = clock()
        await store.delete([key])
        # the store's times are whole seconds, and the truth lies between before and after
        ahead = before - written - timedelta(seconds=1)
        behind = written - after
        skew = max(ahead, behind, timedelta(0))
        if skew < SKEW_NOTED:
            return Check("clock", "ok", "This machine's clock agrees with the store's.")
        way = "ahead of" if ahead > behind else "behind"
        return Check(
            "clock",
            "error" if skew >= SKEW_HARMFUL else "warning",
            f"This machine's clock is {skew.total_seconds():.0f} s {way} the store's.",
            "Set the clock, or let NTP keep it: signatures carry the time.",
        )

    return check


def urls_check(store: ObjectStore, host_id: str) -> CheckCall:
    """Upload and fetch a small object by signed URLs alone, as a browser does."""

    async def check() -> Check:
        key = _key(host_id, "check.bin")
        body = secrets.token_bytes(32)
        put = await store.presign_put(key, len(body), _TYPE, URL_TTL_S)
        get = await store.presign_get(key, URL_TTL_S)
        try:
            async with _session() as http:
                async with http.put(put.url, data=body, headers=put.headers) as answer:
                    if answer.status not in (200, 201, 204):
                        return _refused("PUT", answer.status)
                async with http.get(get) as answer:
                    if answer.status != 200:  # noqa: PLR2004
                        return _refused("GET", answer.status)
                    back = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as failure:
            return Check(
                "urls",
                "error",
                f"A signed URL cannot be reached: {str(failure) or 'no answer in time'}.",
                "Check store.endpoint_url: browsers use the same address.",
            )
        finally:
            await _remove(store, key)
        if back != body:
            return Check(
                "urls",
                "error",
                "A signed URL does not return what was uploaded.",
                "Check that nothing caches or rewrites the bucket's answers.",
            )
        return Check("urls", "ok", "Signed URLs take uploads and return files.")

    return check


def cors_check(store: ObjectStore, host_id: str, origins: Sequence[str]) -> CheckCall:
    """Whether pages of these web sites may upload to the bucket and fetch from it."""

    async def check() -> Check:
        if not origins:
            return Check(
                "cors", "ok", "Not asked: server.allowed_origins names no web site to ask for."
            )
        put = await store.presign_put(_key(host_id, "check.bin"), 1, _TYPE, URL_TTL_S)
        try:
            async with _session() as http:
                faults = [await _preflight(http, put, origin) for origin in origins]
        except (aiohttp.ClientError, TimeoutError) as failure:
            why = str(failure) or "no answer in time"
            return Check("cors", "error", f"The bucket cannot be asked: {why}.", "See store.")
        if found := [fault for fault in faults if fault]:
            return Check(
                "cors",
                "error",
                " ".join(found),
                "Let the bucket's CORS rules allow PUT and GET with any header for that origin.",
            )
        return Check("cors", "ok", f"Pages of {', '.join(origins)} may upload and fetch.")

    return check


async def _preflight(http: aiohttp.ClientSession, put: Presigned, origin: str) -> str:
    """Ask as a browser does before it uploads; what is wrong, empty when nothing is."""
    asked = sorted(name.lower() for name in put.headers)
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": put.method,
        "Access-Control-Request-Headers": ",".join(asked),
    }
    async with http.options(put.url, headers=headers) as answer:
        allowed_origin = answer.headers.get("Access-Control-Allow-Origin", "")
        methods = _words(answer.headers.get("Access-Control-Allow-Methods", ""))
        names = _words(answer.headers.get("Access-Control-Allow-Headers", ""))
        if not answer.ok or allowed_origin not in ("*", origin):
            return f"Pages of {origin} may not use the bucket (HTTP {answer.status})."
    if not {put.method.lower(), "*"} & methods:
        return f"Pages of {origin} may not upload (no PUT)."
    if "*" not in names and (missing := [name for name in asked if name not in names]):
        return f"Pages of {origin} may not send {', '.join(missing)}."
    return ""


def _words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S))


def _refused(method: str, status: int) -> Check:
    return Check(
        "urls",
        "error",
        f"The store refuses a signed {method} (HTTP {status}).",
        "Check the credentials' rights, store.region, and a proxy that changes requests.",
    )


async def _remove(store: ObjectStore, key: str) -> None:
    """Clean up; what stays behind is written over by the next look."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        return  # too late to wait for a store
    try:
        await store.delete([key])
    except (StoreError, TransientError):
        return


def _key(host_id: str, name: str) -> str:
    return f"hosts/{host_id}/{name}"
