"""What came in on the public listener: the newest requests, kept in memory within bounds."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

MAX_BODY_BYTES = 16 * 1024
_MAX_HEADERS = 40
_MAX_HEADER_LENGTH = 512
_MAX_PATH_LENGTH = 512
_MAX_ANSWER_LENGTH = 2048
_OVERHEAD_BYTES = 512
_MAX_SIZE_BYTES = 2**53 - 1  # a stranger may announce any size; JSON's readers know it up to here

_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"})
_SHOWN_OF_SIGNATURE = 8


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request and its answer.

    `id` counts within this run of the desk; `source` is the sender's address; `size_bytes` is
    the body's size, `body` its first 16 KiB (`body_cut` says that there was more). Of a body that
    was not read to its end `size_bytes` is what was announced or came of it, whichever is more.
    `method` and `path` are `-` where the head of something that is not HTTP did not tell them.
    `verdict` is accepted, duplicate, ok, refused, unavailable or failed, and `reason`
    says why in a sentence (empty when all was well).
    """

    id: str
    at: datetime
    method: str
    path: str
    status: int
    verdict: str
    reason: str
    latency_s: float
    source: str
    size_bytes: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    body_cut: bool
    answer: str

    @property
    def body_text(self) -> str:
        """The body for people: what is not UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    @property
    def cost_bytes(self) -> int:
        """Roughly what it holds in memory."""
        texts = sum(len(name) + len(value) for name, value in self.headers)
        return _OVERHEAD_BYTES + len(self.body) + len(self.answer) + len(self.path) + texts


class RequestLog:
    """A ring, bounded by count and by bytes. Lives on the core's loop."""

    def __init__(self, max_entries: int = 500, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[str, LoggedRequest] = OrderedDict()
        self._run = secrets.token_hex(3)
        self._count = 0
        self._listeners: list[Callable[[LoggedRequest], None]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self,
        *,
        at: datetime,
        method: str,
        path: str,
        status: int,
        verdict: str,
        reason: str,
        latency_s: float,
        source: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
        answer: str,
        size_bytes: int | None = None,
    ) -> LoggedRequest:
        """Keep a request; the oldest ones make room for it. Returns what was kept.

        `size_bytes` is given when `body` is not all of it, with what is known of its size.
        """
        self._count += 1
        entry = LoggedRequest(
            id=f"{self._run}-{self._count}",
            at=at,
            method=_clean(method)[:16],
            path=_clean(path)[:_MAX_PATH_LENGTH],
            status=status,
            verdict=verdict,
            reason=reason,
            latency_s=latency_s,
            source=source,
            size_bytes=len(body) if size_bytes is None else min(size_bytes, _MAX_SIZE_BYTES),
            headers=redact(headers),
            body=body[:MAX_BODY_BYTES],
            body_cut=size_bytes is not None or len(body) > MAX_BODY_BYTES,
            answer=answer[:_MAX_ANSWER_LENGTH],
        )
        self._entries[entry.id] = entry
        self._bytes += entry.cost_bytes
        while len(self._entries) > self._max_entries or (
            self._bytes > self._max_bytes and len(self._entries) > 1
        ):
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.cost_bytes
        for listener in tuple(self._listeners):
            listener(entry)
        return entry

    def get(self, request_id: str) -> LoggedRequest | None:
        """The request of that id; None when unknown or gone."""
        return self._entries.get(request_id)

    def page(
        self, limit: int, cursor: str | None = None
    ) -> tuple[tuple[LoggedRequest, ...], str | None]:
        """The newest first, `limit` of them, older than `cursor` (an id); and the next cursor.

        Raises ValueError for a cursor that is no id of this run.
        """
        before = self._count + 1 if cursor is None else self._number(cursor)
        found: list[LoggedRequest] = []
        for entry in reversed(self._entries.values()):
            if self._number(entry.id) >= before:
                continue
            if len(found) == limit:
                return tuple(found), found[-1].id
            found.append(entry)
        return tuple(found), None

    def subscribe(self, listener: Callable[[LoggedRequest], None]) -> Callable[[], None]:
        """Call `listener` after each request; returns the way to unsubscribe. Must not raise."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def _number(self, request_id: str) -> int:
        run, _, number = request_id.partition("-")
        if run != self._run or not (number.isascii() and number.isdigit() and len(number) < 16):  # noqa: PLR2004
            raise ValueError(f"{request_id[:40]!r} is not a request of this run")
        return int(number)


def redact(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Headers fit to be kept and shown: no credential whole, none long, not too many."""
    kept: list[tuple[str, str]] = []
    for name, value in headers:
        if len(kept) == _MAX_HEADERS:
            break
        shown = _clean(value)[:_MAX_HEADER_LENGTH]
        if name.lower() in _HIDDEN:
            shown = "•••"
        elif name.lower() == "webhook-signature":
            shown = " ".join(_redact_signature(word) for word in shown.split(" "))
        kept.append((_clean(name)[:64], shown))
    return tuple(kept)


def _redact_signature(word: str) -> str:
    version, comma, digest = word.partition(",")
    if not comma:
        return "•••"
    return f"{version[:8]},{digest[:_SHOWN_OF_SIGNATURE]}…"


def _clean(text: str) -> str:
    """Headers may hold undecodable bytes; what is kept must be encodable again."""
    return text.encode(errors="replace").decode()
