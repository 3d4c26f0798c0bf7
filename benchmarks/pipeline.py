"""How long the way from a signed webhook to `completed` takes, beside a bare client.

Both run the same small graph on the same demo engine, one after the other in turns, with
another picture each time so that nothing is cached. The bare client does what any script must:
upload the picture, post the prompt, follow the socket, read the history, download the result.
The desk does the same, and journals, checks, stores, publishes and confirms besides.

    python benchmarks/pipeline.py [--jobs N]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.app import Core, open_core
from jigdesk.domain.binding import bind
from jigdesk.domain.engine import Prompt, PromptSucceeded
from jigdesk.settings import load_settings
from tests.harness.pictures import photo
from tests.harness.webhooks import created, send

WARM_UP = 3


@asynccontextmanager
async def _desk(home: Path) -> AsyncIterator[Core]:
    env = {
        "JIGDESK_HOME": str(home),
        "JIGDESK_COMFYUI__PORT": "0",
        "JIGDESK_SERVER__PUBLIC_PORT": "0",
        "JIGDESK_SERVER__LOCAL_PORT": "0",
    }
    async with open_core(load_settings(env)) as core:
        await core.engine.ready()
        yield core


async def _by_desk(core: Core, http: aiohttp.ClientSession, home: Path, picture: bytes) -> float:
    """Milliseconds from the webhook's first byte to the journal's `job_done`."""
    job_id = str(uuid.uuid4())
    folder = home / "store" / "jig-react" / "inputs" / job_id
    folder.mkdir(parents=True)
    (folder / "photo.png").write_bytes(picture)
    request = {"version": 1, "task": "invert", "inputs": {"image": "photo.png"}}
    (folder / "request.json").write_text(json.dumps(request))
    secret = (home / "state" / "webhook.secret").read_text().strip()
    done = asyncio.Event()
    unsubscribe = core.journal.subscribe(
        lambda events, _: any(e.name in ("job_done", "job_error") for e in events) and done.set()
    )
    began = time.perf_counter()
    status, _ = await send(http, core.public_url_local, secret, "job-created", created(job_id))
    assert status == 202
    async with asyncio.timeout(60):
        await done.wait()
    spent_ms = (time.perf_counter() - began) * 1000
    unsubscribe()
    job = await core.journal.job(job_id)
    assert job is not None
    assert job.status.value == "completed", job
    return spent_ms


async def _bare(engine: ComfyEngine, core: Core, folder: Path, picture: bytes) -> float:
    """Milliseconds of the same graph by the client alone."""
    template = core.templates.available["invert"]
    source = folder / "bare.png"
    source.write_bytes(picture)
    began = time.perf_counter()
    value = await engine.upload_input(source, f"bare-{uuid.uuid4().hex}.png")
    graph = bind(template, {}, {"image": value}, f"bare/{uuid.uuid4().hex}")
    async for event in engine.run(Prompt(str(uuid.uuid4()), graph)):
        if isinstance(event, PromptSucceeded):
            file = event.outputs["3"].files[0][1]
            await engine.download(file, folder / "result.png", 10**8)
    return (time.perf_counter() - began) * 1000


async def measure(jobs: int) -> None:
    """Take turns and print the medians and their ratio."""
    desk_ms: list[float] = []
    bare_ms: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        async with _desk(home) as core, aiohttp.ClientSession() as http:
            url = core.engine.url
            async with ComfyEngine.open(url, "bare-client") as engine:
                await engine.wait_connected(5)
                for number in range(jobs + WARM_UP):
                    desk = await _by_desk(core, http, home, photo(96, 96, seed=2 * number))
                    bare = await _bare(engine, core, home, photo(96, 96, seed=2 * number + 1))
                    if number >= WARM_UP:
                        desk_ms.append(desk)
                        bare_ms.append(bare)
    desk, bare = statistics.median(desk_ms), statistics.median(bare_ms)
    print(f"{platform.machine()}, Python {platform.python_version()}, {jobs} jobs each")
    print(f"bare client   median {bare:7.1f} ms   p95 {_p95(bare_ms):7.1f} ms")
    print(f"whole desk    median {desk:7.1f} ms   p95 {_p95(desk_ms):7.1f} ms")
    print(f"ratio         {desk / bare:.2f}   added {desk - bare:.1f} ms")


def _p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95) - 1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=40)
    asyncio.run(measure(parser.parse_args().jobs))
