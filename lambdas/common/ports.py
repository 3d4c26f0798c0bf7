"""What the logic of the Lambdas needs from the outside, and nothing more.

Everything blocks and is called from one thread at a time unless a docstring says otherwise.
The values are those of `jigdesk.ports`, so that the desk's own store fits as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from jigdesk.domain.errors import TransientError
from jigdesk.ports import Message, ObjectInfo, ObjectPage, Presigned


class DocumentStore(Protocol):
    """The part of `jigdesk.ports.BlockingStore` that the Lambdas use. Thread-safe."""

    @property
    def bucket(self) -> str:
        """The one bucket that this store works on."""

    def head(self, key: str) -> ObjectInfo | None:
        """What is stored under `key`; None when nothing is."""

    def get(self, key: str, max_bytes: int) -> tuple[bytes, ObjectInfo]:
        """The whole object; raises ObjectNotFound, or StoreError when over `max_bytes`."""

    def put(
        self,
        key: str,
        body: bytes,
        content_type: str = "application/json",
        *,
        create_only: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object; raises PreconditionFailed when a condition does not hold."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a missing one is no error."""

    def page(
        self,
        prefix: str,
        *,
        after: str | None = None,
        limit: int = 1000,
        delimiter: str | None = None,
    ) -> ObjectPage:
        """One page of the keys that begin with `prefix`, in key order, after `after`."""

    def presign_get(self, key: str, expires_s: int) -> str:
        """An absolute URL that answers GET until it expires."""

    def presign_put(
        self,
        key: str,
        size_bytes: int | None,
        content_type: str,
        expires_s: int,
        *,
        sha256: str | None = None,
    ) -> Presigned:
        """A PUT for this content type and, unless None, exactly this length and SHA-256 (hex)."""


class EventPublisher(Protocol):
    """Where browsers listen."""

    def publish(self, batch: Sequence[Message]) -> None:
        """Deliver the batch in order; raises PublishError."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A desk's answer to a webhook; `retry_after_s` is None where it gave none."""

    status: int
    body: bytes
    retry_after_s: int | None = None


class WebhookUnreachable(TransientError):
    """The desk's listener could not be reached or did not answer in time."""

    def __init__(self, message: str) -> None:
        super().__init__("webhook_unreachable", message)


class WebhookSender(Protocol):
    """Signs a body and posts it."""

    def send(self, url: str, webhook_id: str, body: bytes) -> Answer:
        """Post `body` once, never following a redirect; raises WebhookUnreachable."""
