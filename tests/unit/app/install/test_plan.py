"""What is installed, for what, and how failures are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.app.install.plan import Gpu, Seen, Wanted, choose_gpu, environment, explain
from jigdesk.domain.errors import SetupError

NOTHING = Seen("linux", "x86_64", has_nvidia=False, has_amd=False)


@pytest.mark.parametrize(
    ("seen", "asked", "gpu"),
    [
        (Seen("linux", "x86_64", has_nvidia=True, has_amd=True), None, Gpu.NVIDIA),
        (Seen("linux", "x86_64", has_nvidia=False, has_amd=True), None, Gpu.AMD),
        (Seen("win32", "AMD64", has_nvidia=True, has_amd=False), None, Gpu.NVIDIA),
        (Seen("darwin", "arm64", has_nvidia=False, has_amd=False), None, Gpu.MAC),
        (Seen("darwin", "x86_64", has_nvidia=False, has_amd=False), Gpu.CPU, Gpu.CPU),
        (NOTHING, Gpu.CPU, Gpu.CPU),
        (NOTHING, Gpu.NVIDIA, Gpu.NVIDIA),  # its driver may come later
    ],
)
def test_what_it_is_installed_for(seen: Seen, asked: Gpu | None, gpu: Gpu) -> None:
    assert choose_gpu(seen, asked) is gpu


@pytest.mark.parametrize(
    ("seen", "asked", "words"),
    [
        (NOTHING, None, "--cpu"),
        (Seen("darwin", "x86_64", has_nvidia=False, has_amd=False), None, "--cpu"),
        (NOTHING, Gpu.MAC, "cannot be installed on this machine"),
        (Seen("darwin", "arm64", has_nvidia=False, has_amd=False), Gpu.NVIDIA, "cannot be"),
    ],
)
def test_what_it_cannot_be_installed_for(seen: Seen, asked: Gpu | None, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        choose_gpu(seen, asked)


def test_the_words_for_comfy_cli() -> None:
    wanted = Wanted(Path("/srv/ComfyUI"), Gpu.MAC, "0.3.64", "/a/repo", more=("--fast-deps",))
    assert " ".join(wanted.arguments()) == (
        "--no-json --skip-prompt --workspace /srv/ComfyUI install --m-series --version 0.3.64 "
        "--skip-manager --url /a/repo --fast-deps"
    )
    there = Wanted(Path("/srv/ComfyUI"), Gpu.NVIDIA, None, restore=True)
    assert "--version nightly" in " ".join(there.arguments())  # leaves the checkout alone
    assert "--restore" in there.arguments()
    assert (there.engine_args, Wanted(Path(), Gpu.CPU).engine_args) == ((), ("--cpu",))


def test_no_secret_and_no_tracking_in_its_environment() -> None:
    env = environment(
        {
            "PATH": "/bin",
            "HTTPS_PROXY": "http://proxy",
            "VIRTUAL_ENV": "/v",
            "CONDA_PREFIX": "/c",
            "JIGDESK_SERVER__WEBHOOK_SECRET": "whsec_x",
            "DO_NOT_TRACK": "0",
        }
    )
    assert (env["PATH"], env["HTTPS_PROXY"], env["DO_NOT_TRACK"]) == ("/bin", "http://proxy", "1")
    assert not {"VIRTUAL_ENV", "CONDA_PREFIX", "JIGDESK_SERVER__WEBHOOK_SECRET"} & env.keys()


# each as git, pip or comfy-cli 1.23.0 printed it
FAILURES = {
    "fatal: unable to access 'https://github.com/comfyanonymous/ComfyUI/': Could not resolve host: "
    "github.com": "network",
    "WARNING: Retrying (Retry(total=4, connect=None, read=None, redirect=None, status=None)) after "
    "connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection "
    "object at 0x7f7e5fdf1150>: Failed to establish a new connection: [Errno -2] Name or service "
    "not known')': /whl/cpu/torch/": "network",
    "ERROR: Could not find a version that satisfies the requirement comfy-cli==1.23.0 (from "
    "versions: none)\nERROR: No matching distribution found for comfy-cli==1.23.0": "index",
    "ERROR: No matching distribution found for torch": "no torch for this Python",
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device": (
        "disk is full"
    ),
    "The virtual environment was not created successfully because ensurepip is not available.": (
        "python3-venv"
    ),
    "PermissionError: [Errno 13] Permission denied: '/opt/ComfyUI'": "written to",
    "Failed to checkout tag 'v9.9.9'!": "no such release of ComfyUI: v9.9.9",
    "fatal: '/nowhere' does not appear to be a git repository": "--url",
    "warning: Clone succeeded, but checkout failed.": "not complete",
    "ModuleNotFoundError: No module named 'torch'": "PyTorch",
    "ModuleNotFoundError: No module named 'requests'": "pip install requests",
    "RuntimeError: Found no NVIDIA driver on your system.": "--cpu",
}


@pytest.mark.parametrize("lines", list(FAILURES))
def test_failures_are_told_with_what_to_do(lines: str) -> None:
    told = explain(["Collecting torch", *lines.splitlines(), "CalledProcessError: exit status 1"])
    assert FAILURES[lines] in (told or "")


def test_a_full_disk_is_the_reason_although_an_index_was_out_of_reach_before() -> None:
    assert "disk" in (explain(["NewConnectionError", "No space left on device"]) or "")
    assert explain(["something new"]) is None
