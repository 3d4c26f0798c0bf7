"""Logs: to standard error and a rotating file, written by a thread, with secrets blacked out."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import queue
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, SecretStr

from jigdesk.domain.errors import SetupError
from jigdesk.settings import Settings

FILE_BYTES = 5 * 1024 * 1024
FILES = 5
WAITING_RECORDS = 10_000
BLACK = "[redacted]"

_SHORTEST_SECRET = 6
_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s"
_NOISY = (
    "aiohttp.access",
    "botocore",
    "boto3",
    "s3transfer",
    "urllib3",
    "watchfiles",
    "websockets",
    "PIL",
)

_IS = r"\\?['\"]?\s*[:=]\s*\\?['\"]?"
"""Between a name and its value: in a header, an assignment, JSON, and JSON in a text."""

# What a secret looks like wherever it turns up: words of which one has to be there, in lower case,
# and the pattern, whose first group, where there is one, is kept. The words spare most lines the
# patterns. Each takes time that is linear in the text, whatever somebody's node prints: what
# repeats is bounded, or cannot begin again in the middle of itself.
_SHAPES = tuple(
    (words.split(), re.compile(pattern, re.IGNORECASE))
    for words, pattern in (
        ("whsec_", r"whsec_[A-Za-z0-9+/=_-]+"),
        (
            "authorization",
            rf"(authorization{_IS})(?:[a-z-]{{1,20}}[ \t]+)?[^\s'\",;)}}]+(?:,[^\n]*)?",
        ),
        ("bearer", r"(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"),
        ("akia asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("eyj", r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"),
        (
            "x-amz- signature= sig= ticket= token=",
            r"((?:x-amz-(?:signature|credential|security-token)|(?:auth_)?signature|sig|ticket"
            r"|access_token|token)=)[^&\s'\"<>]+",
        ),
        (
            "secret passw passphrase authtoken aws_",
            r"((?:secret|passw(?:or)?d|passphrase|authtoken|aws_secret_access_key"
            rf"|aws_session_token){_IS})[^\s'\",;)}}]+",
        ),
        ("webhook-signature", r"(webhook-signature['\"]?\s*[:=]\s*['\"]?)v1[a-z]?,[^'\"\n]+"),
        # what custom nodes and their libraries print
        (
            "key token",
            r"((?:api[_ -]?key|(?:api|auth|access|refresh|session)[_-]token)"
            rf"{_IS})[^\s'\",;)}}&<>]+",
        ),
        ("token", r"(token\\?['\"]\s*:\s*\\?['\"])[^'\"\s]+"),
        (
            "--",
            r"((?<![a-z-])--[a-z-]{0,40}?(?:token|api-?key|password|secret)[ =]['\"]?)"
            r"[^\s'\"-][^\s'\"]*",
        ),
        ("hf_", r"(?<![A-Za-z0-9])hf_[A-Za-z0-9]{16,}"),
        ("gh github_pat_", r"(?<![A-Za-z0-9])(?:gh[oprsu]_|github_pat_)[A-Za-z0-9_]{16,}"),
        ("sk-", r"(?<![A-Za-z0-9])sk-(?=[a-z_-]{0,60}[0-9])[A-Za-z0-9_-]{16,}"),
        ("aiza", r"(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{30,}"),
        ("cookie", r"((?:set-)?cookie\\?['\"]\s*[:,=]\s*\\?)(?:'[^'\n]*'?|\"[^\"\n]*\"?)"),
        ("cookie", r"((?<![A-Za-z0-9])(?:set-)?cookies?\s*[:=]\s*)[^\s\[][^\n]*"),
        ("://", r"(://[^\s/:@'\"<>]{0,128}:)[^\s/@'\"<>]{1,512}(?=@)"),
        ("private key", r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----)[^-]+"),
    )
)


class Redactor:
    """Blacks out the secrets that it knows and everything that looks like one. Thread-safe."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: tuple[str, ...] = ()
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Black these out too, also as a URL carries them.

        Those under 6 characters are left, for they are in every text.
        """
        given = [text for text in secrets if len(text) >= _SHORTEST_SECRET]
        wanted = {form for text in given for form in (text, quote(text), quote(text, safe=""))}
        self._known = tuple(sorted(wanted.union(self._known), key=len, reverse=True))

    def __call__(self, text: str) -> str:
        """The text with every secret in it replaced."""
        for secret in self._known:
            text = text.replace(secret, BLACK)
        lower = text.lower()
        for words, pattern in _SHAPES:
            if any(word in lower for word in words):
                text = pattern.sub(_keep_name, text)
        return text


def _keep_name(match: re.Match[str]) -> str:
    return (match.group(1) if match.re.groups else "") + BLACK


def secrets_of(settings: BaseModel) -> Iterator[str]:
    """Every secret that stands in the settings."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            yield from secrets_of(value)


class RedactingFormatter(logging.Formatter):
    """Formats a record, its traceback too, and blacks out what is secret in the whole text."""

    def __init__(self, redact: Redactor, fmt: str = "%(message)s") -> None:
        super().__init__(fmt)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        """The redacted text."""
        return self._redact(super().format(record))


class _BoundedQueueHandler(logging.handlers.QueueHandler):
    """Hands records to the writing thread; one that finds the queue full is dropped, counted."""

    dropped = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self.queue.put_nowait(record)
        except queue.Full:
            self.dropped += 1


class _PatientListener(logging.handlers.QueueListener):
    """Waits for room in a full queue before it ends, where the original raises."""

    def __init__(self, waiting: queue.Queue[Any], *handlers: logging.Handler) -> None:
        super().__init__(waiting, *handlers)
        self._waiting = waiting

    def enqueue_sentinel(self) -> None:
        self._waiting.put(None)


@contextlib.contextmanager
def logging_to(
    settings: Settings, *, verbose: bool = False, screen: bool = True
) -> Iterator[Redactor]:
    """Log to `paths.log_file` and, with `screen`, to standard error while the block runs.

    Yields the Redactor, so that secrets which are drawn later can be added. Writing happens in
    a thread of its own and never blocks the caller; what is waiting is written at the end.
    Raises SetupError when the log file cannot be opened.
    """
    paths = settings.paths
    redact = Redactor(secrets_of(settings))
    level = logging.DEBUG if verbose else logging.INFO
    try:
        paths.log_dir.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(
            paths.log_file, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8"
        )
    except OSError as exc:
        raise SetupError(f"The log {paths.log_file} cannot be written: {exc.strerror}.") from exc
    handlers: list[logging.Handler] = [file]
    if screen:
        handlers.append(logging.StreamHandler(sys.stderr))
    line = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    line.converter = time.gmtime
    for handler in handlers:
        handler.setFormatter(line)
    waiting: queue.Queue[Any] = queue.Queue(WAITING_RECORDS)
    entry = _BoundedQueueHandler(waiting)
    entry.setFormatter(RedactingFormatter(redact))
    listener = _PatientListener(waiting, *handlers)
    root = logging.getLogger()
    before = _set_levels(level, verbose=verbose)
    root.addHandler(entry)
    listener.start()
    try:
        yield redact
    finally:
        root.removeHandler(entry)
        listener.stop()
        if entry.dropped:
            dropped = f"{entry.dropped} records were dropped: they came faster than the disk"
            file.handle(root.makeRecord(__name__, logging.WARNING, "", 0, dropped, (), None))
        file.close()
        for name, old in before.items():
            logging.getLogger(name).setLevel(old)


def _set_levels(level: int, *, verbose: bool) -> Mapping[str, int]:
    wanted = {"": level} if verbose else {"": level, **dict.fromkeys(_NOISY, logging.WARNING)}
    before = {name: logging.getLogger(name).level for name in wanted}
    for name, new in wanted.items():
        logging.getLogger(name).setLevel(new)
    return before
