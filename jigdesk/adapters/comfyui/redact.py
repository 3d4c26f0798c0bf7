"""Make an engine's text fit for a web site's visitor: no path, address or secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_CHARS = 500
_MAX_INPUT_CHARS = 20_000  # the patterns never see more: a traceback can be megabytes

_SHORTEST_WORD = 4

_NOISE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>)\]]+", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(?:hf|sk|pk|rk|ghp|gho|xox[bap]|whsec)[_-][A-Za-z0-9_\-]{8,}"
    r"|\bAKIA[0-9A-Z]{12,}|\b(?:bearer|token|password|api[_-]?key|secret)\b[\s:=]+['\"]?[^\s'\"]{6,}",
    re.IGNORECASE,
)
_HOST_FIELD = re.compile(r"\b(host(?:name)?\s*=\s*)['\"][^'\"]*['\"]", re.IGNORECASE)
_ADDRESS = re.compile(
    r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?(?![\w.])"
    r"|\[[0-9a-fA-F:]*:[0-9a-fA-F:.]+\](?::\d{1,5})?"
    r"|\blocalhost(?::\d{1,5})?\b"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:local|lan|internal|localdomain|home|corp|intranet)(?::\d{1,5})?\b"
    r"|\b[\w-]+(?:\.[\w-]+)+:\d{2,5}\b",
    re.IGNORECASE,
)
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
    clean = _ADDRESS.sub("(address)", clean)
    clean = _QUOTED_PATH.sub(lambda match: match[1] + _base_name(match[2]) + match[1], clean)
    clean = _BARE_PATH.sub(lambda match: _base_name(match[1]), clean)
    clean = _ROOT_FILE.sub(lambda match: match[0][1:], clean)
    for word in private:
        if len(word) >= _SHORTEST_WORD:
            pattern = rf"(?<![\w]){re.escape(word)}(?![\w])"
            clean = re.sub(pattern, "(address)", clean, flags=re.IGNORECASE)
    clean = " ".join(clean.split())
    return clean if len(clean) <= limit else clean[: limit - 1].rstrip() + "…"


def _base_name(path: str) -> str:
    trimmed = path.rstrip("\\/.:")
    last = re.split(r"[\\/]", trimmed)[-1]
    return last if _FILE_NAME.fullmatch(last) else "…"
