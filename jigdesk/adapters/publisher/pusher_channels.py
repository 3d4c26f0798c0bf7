"""`publisher.kind = "pusher"`: Pusher Channels, or a server that speaks its protocol (soketi)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any

import requests
from pusher.errors import (  # type: ignore[import-untyped]
    PusherBadAuth,
    PusherBadRequest,
    PusherError,
    PusherForbidden,
)
from pusher.pusher_client import PusherClient  # type: ignore[import-untyped]

from jigdesk.domain.errors import PublishError, PublishForbidden, PublishRejected, SetupError
from jigdesk.ports import Message

BATCH_SIZE = 10
"""Pusher takes at most ten events in one request."""

MAX_DATA_BYTES = 10_240
_MAX_EVENT_NAME = 200
_CHANNEL = re.compile(
    r"(private-)?job-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
)
_APP_ID = re.compile(r"[0-9]{1,20}")
_CLUSTER = re.compile(r"[a-z0-9-]{1,32}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:]{2,45}\]")
_MAX_PORT = 65_535
_NOT_TAKEN = frozenset({"400", "413"})
"""What Pusher answers to events that it will not take at a later time either."""
_STATUS = {PusherBadRequest: "400", PusherBadAuth: "401", PusherForbidden: "403"}


class PusherPublisher:
    """Implements `ports.Publisher` on the `pusher` SDK, which blocks: in `threads` threads.

    Each thread uses a client, and so a connection, of its own. `host` None means Pusher's own
    servers of `cluster`. Close it: it holds connections.
    """

    def __init__(
        self,
        app_id: str,
        key: str,
        secret: str,
        *,
        cluster: str | None = None,
        host: str | None = None,
        port: int | None = None,
        ssl: bool = True,
        timeout_s: float = 5.0,
        threads: int = 4,
    ) -> None:
        """Check the settings; nothing is sent yet. Raises SetupError naming the setting."""
        _check_settings(app_id, key, secret, cluster, host, port)
        self._timeout_s = timeout_s
        self._all = [
            PusherClient(
                app_id=app_id,
                key=key,
                secret=secret,
                ssl=ssl,
                host=host or None,
                port=port,
                timeout=timeout_s,
                cluster=cluster or None,
            )
            for _ in range(threads)
        ]
        self._where = f"{self._all[0].host}:{self._all[0].port}"
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for client in self._all:
            self._idle.put(client)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pusher")

    @property
    def where(self) -> str:
        """The server's host and port, for health and messages."""
        return self._where

    async def publish(self, batch: Sequence[Message]) -> None:
        """Send the batch in order, ten at a time.

        Raises PublishError when it may be tried again (what came before the failure was sent,
        and is sent twice then: readers drop by seq); PublishRejected for what Pusher does not
        take or no browser may get; PublishForbidden when the credentials are not taken.
        Cancelled: what is under way may still be delivered.
        """
        events = [_event(message) for message in batch]
        for start in range(0, len(events), BATCH_SIZE):
            ten = events[start : start + BATCH_SIZE]
            await self._call(partial(_trigger, ten))

    async def probe(self) -> None:
        """Ask for the channels that are in use: proves address and credentials, sends nothing.

        Raises PublishError as `publish` does.
        """
        await self._call(lambda client: client.channels_info(prefix_filter="job-"))

    async def close(self) -> None:
        """Wait for what is under way and close the connections. Safe to call twice."""
        await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
        for client in self._all:
            client.http.session.close()

    async def _call(self, request: Callable[[Any], object]) -> None:
        loop = asyncio.get_running_loop()
        try:
            # requests' own timeouts are per read: a server that drips needs a whole one
            async with asyncio.timeout(self._timeout_s * 3):
                await loop.run_in_executor(self._pool, self._send, request)
        except TimeoutError:
            raise PublishError(f"Pusher at {self._where} did not answer in time.") from None

    def _send(self, request: Callable[[Any], object]) -> None:
        client = self._idle.get_nowait()  # there are as many as threads
        try:
            answer = request(client)
            # WORKAROUND: soketi 1.6 answers 200 to everything and says the status in the body
            status = answer.get("code") if isinstance(answer, dict) and "error" in answer else None
        # What these exceptions say is not passed on: the URL in them carries the signature.
        except (PusherBadRequest, PusherBadAuth, PusherForbidden) as error:
            status = _STATUS[type(error)]
        except requests.Timeout:
            raise PublishError(f"Pusher at {self._where} did not answer in time.") from None
        except (requests.RequestException, OSError):
            raise PublishError(f"Pusher at {self._where} cannot be reached.") from None
        except PusherError as error:
            status = str(error).partition(":")[0]
        except ValueError:
            raise PublishError(
                f"What answers at {self._where} does not speak Pusher's protocol."
            ) from None
        finally:
            self._idle.put(client)
        if status is not None:
            raise _refusal(self._where, str(status))


def _refusal(where: str, status: str) -> PublishError:
    if status == "401":
        return PublishForbidden(
            f"Pusher at {where} refused the credentials: check publisher.app_id, "
            "publisher.key and publisher.secret."
        )
    if status == "403":
        return PublishForbidden(
            f"Pusher at {where} refused the credentials: the app is disabled, or it has used "
            "up its quota."
        )
    shown = f" (HTTP {status})" if status.isdigit() else ""
    kind = PublishRejected if status in _NOT_TAKEN else PublishError
    return kind(f"Pusher at {where} refused the events{shown}.")


def _trigger(events: list[dict[str, str]], client: Any) -> object:
    return client.trigger_batch(events, already_encoded=True)


def _event(message: Message) -> dict[str, str]:
    """One event as the SDK sends it; raises PublishRejected.

    WORKAROUND: encoded here, because the SDK measures `sys.getsizeof` of the text, which counts
    up to four bytes a character, and so refuses data that Pusher takes.
    """
    if _CHANNEL.fullmatch(message.channel) is None:
        raise PublishRejected(f"{message.channel!r} is not a job's channel.")
    if not 0 < len(message.event) <= _MAX_EVENT_NAME:
        raise PublishRejected(f"{message.event!r} cannot name an event.")
    data = json.dumps(message.data, ensure_ascii=False, separators=(",", ":"))
    if len(data.encode()) > MAX_DATA_BYTES:
        raise PublishRejected(f"The data of {message.event} is over {MAX_DATA_BYTES} bytes.")
    return {"channel": message.channel, "name": message.event, "data": data}


def _check_settings(
    app_id: str, key: str, secret: str, cluster: str | None, host: str | None, port: int | None
) -> None:
    if _APP_ID.fullmatch(app_id) is None:
        raise SetupError(
            "publisher.app_id must be a number (Pusher's own are; give a soketi app one too).",
            field="publisher.app_id",
        )
    for name, value in (("key", key), ("secret", secret)):
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise SetupError(
                f"publisher.{name} is missing or malformed.", field=f"publisher.{name}"
            )
    if cluster and _CLUSTER.fullmatch(cluster) is None:
        raise SetupError(
            "publisher.cluster is a short name such as 'eu'.", field="publisher.cluster"
        )
    if host and _HOST.fullmatch(host) is None:
        raise SetupError(
            "publisher.host is a host name without scheme, port or path.", field="publisher.host"
        )
    if port is not None and not 0 < port <= _MAX_PORT:
        raise SetupError("publisher.port is a number from 1 to 65535.", field="publisher.port")
