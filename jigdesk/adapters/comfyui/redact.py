"""Make an engine's text fit for a web site's visitor: no path, address or secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_CHARS = 500
_MAX_INPUT_CHARS = 8_000  # the patterns never see more: a message can be megabytes

_SHORTEST_WORD = 4

_NOISE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>)\]]+", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(?:hf|sk|pk|rk|ghp|gho|xox[bap]|whsec)[_-][A-Za-z0-9_\-]{8,}|\bAKIA[0-9A-Z]{12,}"
    r"|\bbearer\s+[^\s'\"]{8,}"
    r"|\b(?:token|password|passwd|api[_-]?key|secret)['\"]?\s{0,3}[:=]\s{0,3}['\"]?[^\s'\"]{6,}",
    re.IGNORECASE,
)
_HOST_FIELD = re.compile(r"\b(host(?:name)?\s*=\s*)['\"][^'\"]*['\"]", re.IGNORECASE)
_IPV6 = re.compile(r"\[[0-9a-fA-F:]*:[0-9a-fA-F:.]+\](?::\d{1,5})?")
# possessive, so that no text makes it backtrack
_DOTTED = re.compile(r"(?<![\w.-])([\w-]++(?:\.[\w-]++)*+)(:\d{2,5})?(?!\w)")
_LOCAL_ENDINGS = frozenset(
    {"localhost", "local", "lan", "internal", "localdomain", "home", "corp", "intranet"}
)
_SOURCE_ENDINGS = frozenset({"py", "pyx", "cu", "cuh", "cpp", "cc", "c", "h", "json", "yaml"})
_IPV4_PARTS = 4
# quoted paths may hold spaces; bare ones end at white space
_QUOTED_PATH = re.compile(r"(['\"])((?:[A-Za-z]:[\\/]|\\\\|/|~/)[^'\"\n]*)\1")
_BARE_PATH = re.compile(
    r"(?<![\w.:/\\])((?:[A-Za-z]:[\\/]|\\\\[^\s\\]+\\|~/|/(?=[^\s/'\",;:)\]]+/))[^\s'\",;)\]]*)"
)
_ROOT_FILE = re.compile(r"(?<![\w.:/\\])/[\w-]+\.[A-Za-z0-9]{1,8}\b")
_FILE_NAME = re.compile(r"[^\\/]+\.[A-Za-z][A-Za-z0-9_]{0,14}")


def public_text(text: str, private: Iterable[str] = (), limit: int = MAX_CHARS) -> str:
    """Return `text` without paths, addresses and secrets, at most `limit` characters.

    A path to a file keeps the file's name, every other path becomes `…`. `private` are words
    that never appear (this machine's host name); words under 4 letters are too common to go.
    """
    clean = _NOISE.sub(" ", text[:_MAX_INPUT_CHARS])
    clean = _URL.sub("(address)", clean)
    clean = _SECRET.sub("(secret)", clean)
    clean = _HOST_FIELD.sub(r"\1(address)", clean)
    clean = _IPV6.sub("(address)", clean)
    clean = _DOTTED.sub(_without_address, clean)
    clean = _QUOTED_PATH.sub(lambda match: match[1] + _base_name(match[2]) + match[1], clean)
    clean = _BARE_PATH.sub(lambda match: _base_name(match[1]), clean)
    clean = _ROOT_FILE.sub(lambda match: match[0][1:], clean)
    for word in private:
        if len(word) >= _SHORTEST_WORD:
            pattern = rf"(?<![\w]){re.escape(word)}(?![\w])"
            clean = re.sub(pattern, "(address)", clean, flags=re.IGNORECASE)
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def _without_address(match: re.Match[str]) -> str:
    """Replace host names and IPv4 addresses; `module.name`, `file.py:12` and versions stay."""
    labels = match[1].lower().split(".")
    is_ipv4 = len(labels) == _IPV4_PARTS and all(label.isdecimal() for label in labels)
    is_local = labels[-1] in _LOCAL_ENDINGS and (len(labels) > 1 or labels[-1] == "localhost")
    has_port = match[2] is not None and len(labels) > 1 and labels[-1] not in _SOURCE_ENDINGS
    return "(address)" if is_ipv4 or is_local or has_port else match[0]


def _base_name(path: str) -> str:
    trimmed = path.rstrip("\\/.:")
    last = re.split(r"[\\/]", trimmed)[-1]
    return last if _FILE_NAME.fullmatch(last) else "…"
