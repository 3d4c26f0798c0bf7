"""`jigdesk workflows check` and `import` and `jobs branch` beside a running desk."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from jigdesk.app.own_jobs import own_client_id
from tests.harness.browser import BLUR, Browser
from tests.harness.pictures import photo
from tests.harness.waiting import PATIENCE_S
from tests.integration.desk.conftest import Desk
from tests.integration.workflows.conftest import TEMPLATES, workflow_desk


async def jigdesk(desk: Desk, *args: str) -> tuple[int, str, str]:
    """Run the command for the desk's home; exit code, output and errors."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "jigdesk",
        *args,
        env={**os.environ, "JIGDESK_HOME": str(desk.home)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_check_and_import_ask_the_desks_engine(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        await desk.core.engine.ready()
        # those that ship and need models are told, and are no fault of the owner's
        code, out, err = await jigdesk(desk, "workflows", "check", "--json")
        assert code == 0, err
        found = json.loads(out)
        assert "blur" in found["available"]
        assert "txt2img" not in found["available"]
        levels = {(item["workflow"], item["level"]) for item in found["findings"]}
        assert ("txt2img", "unavailable") in levels

        mine = tmp_path / "mine"
        shutil.copytree(TEMPLATES, mine)
        assert (await jigdesk(desk, "workflows", "check", str(mine)))[0] == 0
        path = mine / "blend" / "graph.json"
        path.write_text(path.read_text().replace('"normal"', '"dodge"'))
        code, out, err = await jigdesk(desk, "workflows", "check", str(mine))
        assert code == 1
        assert "does not offer 'dodge'" in err
        assert out == "2 sound, 0 broken; the engine can run 1\n"

        # a result has the graph in it that made it
        job_id = await desk.browser.submit(BLUR, {"photo.png": photo()})
        await desk.browser.watch(job_id)
        result = desk.bucket / f"outputs/{job_id}/blur/result.png"
        args = ("workflows", "import", str(result), "--name", "again", "--dir", str(mine))
        code, out, err = await jigdesk(desk, *args)
        assert (code, err) == (0, "")
        assert "inputs: image" in out
        assert (mine / "again" / "workflow.toml").is_file()
        code, out, err = await jigdesk(desk, "workflows", "check", str(mine / "nothing-here"))
        assert code == 2


async def test_branch_from_the_command_line(tmp_path: Path) -> None:
    async with workflow_desk(tmp_path / "home") as desk:
        own = own_client_id(desk.core.settings.paths)
        mine = Browser(desk.browser.http, desk.browser.local_url, own)
        parent = await mine.submit(BLUR, {"photo.png": photo()})
        assert (await mine.watch(parent))[-1].name == "job_done"
        other = tmp_path / "other.png"
        other.write_bytes(photo(seed=5))
        line = ("jobs", "branch", parent, "--stage", "blur", "--workflow")
        code, out, err = await jigdesk(
            desk, *line, "blend", "--param", "factor=0.25", "--input", f"second={other}", "--wait"
        )
        assert (code, err) == (0, "")
        assert out.endswith("completed\n")
        # its stage may be called like the parent's
        code, _, err = await jigdesk(desk, *line, "blur", "--wait")
        assert (code, err) == (0, "")
        code, _, err = await jigdesk(desk, *line, "blend", "--output", "nothing", "--wait")
        assert code == 1

        foreign = await desk.browser.submit(BLUR, {"photo.png": photo()})
        await desk.browser.watch(foreign)
        line = ("jobs", "branch", foreign, "--stage", "blur", "--workflow", "invert")
        code, _, err = await jigdesk(desk, *line)
        assert code == 1
        assert "no such job" in err
