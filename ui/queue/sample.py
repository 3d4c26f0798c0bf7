"""The sample job: a drawn picture, refined and enlarged, sent as a browser sends it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jigdesk.app import Core
from jigdesk.app.own_jobs import OwnJob, own_client_id, send_own_job
from jigdesk.demo.sample import sample_png

FILE = "sample.png"
REQUEST: Mapping[str, Any] = {
    "stages": [
        {
            "name": "refine",
            "workflow": "refine",
            "params": {"steps": 24},
            "inputs": {"image": {"file": FILE}},
        },
        {
            "name": "enlarge",
            "workflow": "upscale",
            "params": {"scale": 2.0},
            "inputs": {"image": {"stage": "refine"}},
        },
    ]
}
PLAIN_REQUEST: Mapping[str, Any] = {
    "stages": [
        {
            "name": "blur",
            "workflow": "blur",
            "params": {"radius": 4},
            "inputs": {"image": {"file": FILE}},
        },
        {
            "name": "enlarge",
            "workflow": "upscale",
            "params": {"scale": 2.0},
            "inputs": {"image": {"stage": "blur"}},
        },
    ]
}
"""For a real ComfyUI, which does not have the demo engine's refining node."""


async def send_sample(core: Core) -> str:
    """Send it and return the job id; runs on the core's loop. Raises RequestError, SetupError."""
    client_id = await asyncio.to_thread(own_client_id, core.settings.paths)
    request = REQUEST if core.settings.comfyui.kind == "demo" else PLAIN_REQUEST
    picture = await asyncio.to_thread(sample_png)
    with tempfile.TemporaryDirectory(prefix="jigdesk-sample-") as folder:
        path = Path(folder) / FILE
        await asyncio.to_thread(path.write_bytes, picture)
        return await send_own_job(core.local_url, client_id, OwnJob(request, {FILE: path}))
