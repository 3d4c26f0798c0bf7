"""Sends signed JobCreated webhooks at random moments and prints how long each answer took.

    python -m benchmarks.webhook_client URL SECRET COUNT A_SECOND

A process of its own, so that it neither takes the desk's interpreter nor waits for it. Prints a
JSON list of milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid

import aiohttp

from tests.harness.webhooks import created, send


async def answers_ms(url: str, secret: str, count: int, a_second: float) -> list[float]:
    """Milliseconds of each answer; fails for one that is not a 202."""
    taken = []
    async with aiohttp.ClientSession() as http:
        began = time.perf_counter()
        for number in range(count):
            # at any moment of its turn: in step with the window's beat it would always meet it,
            # or never
            due = began + (number + random.random()) / a_second  # noqa: S311
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            sent = time.perf_counter()
            status, body = await send(http, url, secret, "job-created", created(str(uuid.uuid4())))
            taken.append((time.perf_counter() - sent) * 1000)
            assert status == 202, body
    return taken


if __name__ == "__main__":
    _, url, secret, count, a_second = sys.argv
    print(json.dumps(asyncio.run(answers_ms(url, secret, int(count), float(a_second)))))
