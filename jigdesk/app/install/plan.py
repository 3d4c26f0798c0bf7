"""What is installed and how comfy-cli is asked for it: decisions; no process is started here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jigdesk.adapters.process.environment import for_children
from jigdesk.domain.errors import SetupError

COMFY_CLI = "comfy-cli==1.23.0"
"""Pinned: these options, and what it leaves behind, were tried with this version."""

LATEST = "latest"
_AS_IT_IS = "nightly"
"""comfy-cli's word for what a clone has checked out; for one that is there it changes nothing."""

GIB = 1024**3
_ROOM_CPU_BYTES = 8 * GIB
_ROOM_GPU_BYTES = 16 * GIB


class Gpu(StrEnum):
    """What PyTorch is installed for."""

    NVIDIA = "nvidia"
    AMD = "amd"
    MAC = "mac"
    CPU = "cpu"


_OPTIONS = {
    Gpu.NVIDIA: "--nvidia",
    Gpu.AMD: "--amd",
    Gpu.MAC: "--m-series",
    Gpu.CPU: "--cpu",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One installation.

    `version` is `latest` (the newest release), `nightly` or a number; None with `restore`, where
    it means what is there. `url` None is ComfyUI's own repository. `more` are further options of
    `comfy install`.
    """

    path: Path
    gpu: Gpu
    version: str | None = LATEST
    url: str | None = None
    restore: bool = False
    more: tuple[str, ...] = ()

    def arguments(self) -> tuple[str, ...]:
        """What follows the program's name; it asks nothing and prints for people."""
        version = self.version or _AS_IT_IS
        words = ["--no-json", "--skip-prompt", "--workspace", str(self.path), "install"]
        words += [_OPTIONS[self.gpu], "--version", version, "--skip-manager"]
        if self.url is not None:
            words += ["--url", self.url]
        if self.restore:
            words.append("--restore")
        return (*words, *self.more)

    @property
    def room_bytes(self) -> int:
        """What has to be free: PyTorch for a GPU alone unpacks to some 7 GB."""
        return _ROOM_CPU_BYTES if self.gpu is Gpu.CPU else _ROOM_GPU_BYTES

    @property
    def engine_args(self) -> tuple[str, ...]:
        """What main.py needs to be told for it to run on this."""
        return ("--cpu",) if self.gpu is Gpu.CPU else ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the machine: `sys.platform`, its processor, and whose driver answers."""

    platform: str
    machine: str
    has_nvidia: bool
    has_amd: bool


def choose_gpu(seen: Seen, asked: Gpu | None) -> Gpu:
    """What to install for; raises SetupError when nothing was asked for and nothing is seen."""
    is_mac = seen.platform == "darwin"
    if asked is not None:
        if (asked is Gpu.MAC) is not is_mac and asked is not Gpu.CPU:
            raise SetupError(f"--{asked} cannot be installed on this machine.")
        return asked
    if is_mac and seen.machine == "arm64":
        return Gpu.MAC
    if seen.has_nvidia:
        return Gpu.NVIDIA
    if seen.has_amd:
        return Gpu.AMD
    raise SetupError(
        "No GPU was found. Say --cpu to install for the processor alone, which is slow, or "
        "--nvidia or --amd when there is one whose driver is not installed yet."
    )


_NOT_ITS_BUSINESS = frozenset(
    {"VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "PYTHONHOME"}
)
_ITS_OWN = {
    "DO_NOT_TRACK": "1",
    "COMFY_NO_TELEMETRY": "1",
    "PYTHONUNBUFFERED": "1",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_REQUIRE_VIRTUALENV": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "COLUMNS": "160",
    "NO_COLOR": "1",
}


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """The owner's environment without our secrets, and without an environment to install into.

    comfy-cli installs into an active virtual environment; without one it makes `.venv` beside
    main.py, which is where the desk looks. It sends nothing about its use.
    """
    kept = {
        name: value for name, value in for_children(env).items() if name not in _NOT_ITS_BUSINESS
    }
    return kept | _ITS_OWN


_REASONS: tuple[tuple[str, str], ...] = (
    (
        r"No space left on device|not enough space on the disk",
        "The disk is full. Make room there, or say another --path.",
    ),
    (
        r"ensurepip is not available|No module named '?(ensurepip|venv)",
        "This Python cannot make environments: on Debian, install python3-venv.",
    ),
    (
        r"Permission denied|Access is denied",
        "A folder cannot be written to. Say another --path.",
    ),
    (
        r"Failed to checkout tag '?([^'!\s]+)",
        "There is no such release of ComfyUI: {0}.",
    ),
    (
        r"does not appear to be a git repository|[Rr]epository .{0,300} not found"
        r"|Remote branch .{0,200} not found|does not exist",
        "There is no such repository, or no such branch of it: check --url.",
    ),
    (
        r"Could not resolve host|Temporary failure in name resolution|Name or service not known"
        r"|nodename nor servname|getaddrinfo failed|Network is unreachable|Connection refused"
        r"|Failed to connect to|Couldn't connect to server|Could not connect to server"
        r"|NewConnectionError|Connection timed out|Read timed out|Connection reset by peer",
        "The network cannot be reached: check the connection, and the proxy where there is one.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verif|SSL certificate problem",
        "The server's certificate is not trusted here: a proxy may stand in between.",
    ),
    (r"[Rr]ate limit", "GitHub allows no more requests for now. Try again in an hour."),
    (
        r"requirement ([^\s(]+)[^\n]* \(from versions: none\)",
        "There is no {0} to be had: the package index cannot be reached, or does not have it.",
    ),
    (
        r"No matching distribution found for (\S+)",
        "There is no {0} for this Python and this platform.",
    ),
    (
        r"unable to checkout working tree|checkout failed",
        "The clone is not complete.",
    ),
    (
        r"No module named '?torch\b|Torch not compiled with CUDA|Found no NVIDIA driver",
        "PyTorch is missing or does not fit this machine's GPU: try --cpu, or another GPU.",
    ),
    (
        r"No module named '([\w.]+)'",
        "The Python package {0} is missing, which this release does not ask for: install it with "
        "`.venv/bin/python -m pip install {0}` in its folder, or try another --version.",
    ),
)


def explain(lines: Iterable[str]) -> str | None:
    """Why an installation failed, in a sentence with what to do; None when nothing is known."""
    text = "\n".join(lines)
    for pattern, sentence in _REASONS:
        if found := re.search(pattern, text):
            return sentence.format(*found.groups())
    return None
