"""What is packed into a Lambda: the logic needs nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lambdas
from tests.harness.waiting import PATIENCE_S

ROOT = Path(lambdas.__file__).resolve().parent.parent
LOGIC = (
    "lambdas.s3_to_comfyui.handler",
    "lambdas.notify_webhook_on_s3_upload.handler",
    "lambdas.jobs_api.handler",
)


def test_the_handlers_start_without_a_single_library() -> None:
    # -S leaves site-packages out; boto3 and PyJWT come in with the first request only
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {', '.join(LOGIC)}"
    command = [sys.executable, "-S", "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr


def test_of_the_core_only_the_domain_and_the_ports_are_packed() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {', '.join(LOGIC)}\n"
        "print(*sorted(name for name in sys.modules if name.startswith('jigdesk.')))"
    )
    command = [sys.executable, "-S", "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    others = [
        name
        for name in done.stdout.split()
        if name not in ("jigdesk.domain", "jigdesk.ports")
        and not name.startswith(("jigdesk.domain.", "jigdesk.ports."))
    ]
    assert others == []
