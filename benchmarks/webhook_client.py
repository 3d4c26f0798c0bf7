"""Sends signed JobCreated webhooks at a steady pace and prints how long each answer took.

    python -m benchmarks.webhook_client URL SECRET COUNT A_SECOND

A process of its own, so that it neither takes the desk's interpreter nor waits for it. Prints a
JSON list of milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid

import aiohttp

from tests.harness.webhooks import created, send


async def answers_ms(url: str, secret: str, count: int, a_second: float) -> list[float]:
    """Milliseconds of each answer; fails for one that is not a 202."""
    taken = []
    async with aiohttp.ClientSession() as http:
        due = time.perf_counter()
        for _ in range(count):
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            due = max(due, time.perf_counter() - 1) + 1 / a_second
            began = time.perf_counter()
            status, body = await send(http, url, secret, "job-created", created(str(uuid.uuid4())))
            taken.append((time.perf_counter() - began) * 1000)
            assert status == 202, body
    return taken


if __name__ == "__main__":
    _, url, secret, count, a_second = sys.argv
    print(json.dumps(asyncio.run(answers_ms(url, secret, int(count), float(a_second)))))
