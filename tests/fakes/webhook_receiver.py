"""A desk's public listener as the Lambdas meet it: real HTTP, signatures checked by the library."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Received:
    """One well-signed webhook."""

    path: str
    webhook_id: str
    body: dict[str, Any]


@dataclass
class WebhookReceiver:
    """Answers what `answer` says, 202 unless told otherwise, and 401 to a bad signature."""

    secret: str
    received: list[Received] = field(default_factory=list)
    refused: int = 0
    answer: Callable[[Received], tuple[int, dict[str, Any]]] = field(
        default=lambda _: (202, {"status": "accepted", "duplicate": False})
    )
    url: str = ""

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            Webhook(self.secret).verify(body, headers)
        except WebhookVerificationError as error:
            self.refused += 1
            return 401, {"error": {"code": "unauthorized", "message": str(error)}}
        one = Received(path, headers["webhook-id"], json.loads(body))
        self.received.append(one)
        return self.answer(one)


@contextmanager
def webhook_receiver(secret: str) -> Iterator[WebhookReceiver]:
    """Listen on a free loopback port."""
    receiver = WebhookReceiver(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = receiver.take(self.path, headers, body)
            answer = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            if status == 503:
                self.send_header("Retry-After", "7")
            if status in (301, 302, 307):
                self.send_header("Location", receiver.url + "/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
