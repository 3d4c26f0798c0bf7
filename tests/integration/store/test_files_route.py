"""What the local store's listener does with clients that S3 would not meet so kindly."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from jigdesk.adapters.store.local import LocalStore
from tests.harness.waiting import PATIENCE_S
from tests.integration.store.wire import send, serve_local_store

AREA = "inputs/7d1f0c3e-0000-4000-8000-0000000000e2/"
PNG = {"Content-Type": "image/png"}
CLOSE = "Connection: close"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    with serve_local_store(tmp_path) as local:
        yield local


def leftovers(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "objects").rglob("*.part"))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def exchange(url: str, request: bytes) -> bytes:
    """Send a whole request that asks for the connection's end, and read until it comes."""
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or "", parts.port or 0), timeout=PATIENCE_S
    ) as wire:
        wire.sendall(request)
        answer = b""
        while chunk := wire.recv(65536):
            answer += chunk
        return answer


def put_head(url: str, *headers: str) -> bytes:
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def test_a_broken_upload_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    size = 5 << 20
    url = store.presign_put(AREA + "a.png", size, "image/png", 60).url
    head = put_head(url, "Content-Type: image/png", f"Content-Length: {size}")
    parts = urlsplit(url)
    with socket.create_connection(
        (parts.hostname or "", parts.port or 0), timeout=PATIENCE_S
    ) as wire:
        wire.sendall(head + b"x" * (3 << 20))
        eventually(lambda: leftovers(tmp_path) != [])
    eventually(lambda: leftovers(tmp_path) == [])
    assert store.head(AREA + "a.png") is None
    assert send("PUT", url, b"y" * size, PNG).status == 200  # the listener lives on
    assert store.get(AREA + "a.png", size)[0] == b"y" * size
    assert leftovers(tmp_path) == []


def test_a_chunked_upload_is_asked_for_its_length(store: LocalStore, tmp_path: Path) -> None:
    url = store.presign_put(AREA + "a.png", 5, "image/png", 60).url
    head = put_head(url, "Content-Type: image/png", "Transfer-Encoding: chunked", CLOSE)
    assert b" 411 " in exchange(url, head + b"5\r\n12345\r\n0\r\n\r\n").split(b"\r\n")[0]
    assert store.head(AREA + "a.png") is None
    assert leftovers(tmp_path) == []


def test_a_compressed_upload_is_refused(store: LocalStore) -> None:
    put = store.presign_put(AREA + "a.png", 5, "image/png", 60)
    answer = send("PUT", put.url, b"12345", {**put.headers, "Content-Encoding": "gzip"})
    assert answer.status == 415
    assert store.head(AREA + "a.png") is None


def test_an_open_length_ends_at_one_mebibyte(store: LocalStore) -> None:
    url = store.presign_put(AREA + "request.json", None, "application/json", 60).url
    headers = {"Content-Type": "application/json"}
    assert send("PUT", url, b"x" * (1 << 20), headers).status == 200
    assert send("PUT", url, b"x" * ((1 << 20) + 1), headers).status == 413


def test_a_wrong_checksum_keeps_what_was_there(store: LocalStore, tmp_path: Path) -> None:
    store.put(AREA + "a.png", b"before", "image/png")
    sha256 = hashlib.sha256(b"12345").hexdigest()
    put = store.presign_put(AREA + "a.png", 5, "image/png", 60, sha256=sha256)
    answer = send("PUT", put.url, b"54321", put.headers)
    assert (answer.status, b"bad_checksum" in answer.body) == (400, True)
    assert store.get(AREA + "a.png", 10)[0] == b"before"
    assert leftovers(tmp_path) == []


def test_a_url_of_another_secret_is_refused(store: LocalStore, tmp_path: Path) -> None:
    store.put(AREA + "a.png", b"12345", "image/png")
    with serve_local_store(tmp_path / "other") as other:
        other.put(AREA + "a.png", b"12345", "image/png")
        there = urlsplit(other.presign_get(AREA + "a.png", 60))
    here = urlsplit(store.presign_get(AREA + "a.png", 60))
    answer = send("GET", f"http://{here.netloc}{there.path}?{there.query}")
    assert answer.status == 403
    assert b'"code": "bad_signature"' in answer.body


@pytest.mark.parametrize(
    "tail", ["", "?", "?token", "?token=", "?token=.", "?token=a.b", "?token=ä.b", "?x=1", "?%00"]
)
def test_without_a_good_token_nothing_is_told(store: LocalStore, tail: str) -> None:
    store.put(AREA + "a.png", b"12345", "image/png")
    base = store.presign_get(AREA + "a.png", 60).split("?")[0]
    parts = urlsplit(base)
    target = (parts.path + tail).encode()
    for method in (b"GET", b"HEAD", b"PUT"):
        head = f" HTTP/1.1\r\nHost: x\r\n{CLOSE}\r\nContent-Length: 0\r\n\r\n".encode()
        request = method + b" " + target + head
        assert exchange(base, request).split(b" ")[1] in (b"403", b"400")


def test_more_parameters_or_another_order_are_refused(store: LocalStore) -> None:
    store.put(AREA + "a.png", b"12345", "image/png")
    url = store.presign_get(AREA + "a.png", 60)
    assert send("GET", url).status == 200
    assert send("GET", url + "&x=1").status == 403
    assert send("GET", url.replace("?", "?x=1&")).status == 403


def test_a_preflight_needs_no_signature(store: LocalStore) -> None:
    url = store.presign_put(AREA + "a.png", 5, "image/png", 60).url.split("?")[0]
    assert send("OPTIONS", url).status == 204


def test_head_says_what_get_sends(store: LocalStore) -> None:
    store.put(AREA + "a.png", b"12345", "image/png")
    url = store.presign_get(AREA + "a.png", 60)
    head, get = send("HEAD", url), send("GET", url)
    assert (head.status, head.body) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified"):
        assert head.headers[name] == get.headers[name]


def test_media_is_shown_in_a_sandbox_and_all_else_saved(store: LocalStore) -> None:
    for name, kind, how in (
        ("a.png", "image/png", "inline"),
        ("a.webm", "video/webm", "inline"),
        ("a.svg", "image/svg+xml", "attachment"),
        ("a.html", "text/html", "attachment"),
        ("a.json", "application/json", "attachment"),
    ):
        store.put(AREA + name, b"x", kind)
        headers = send("GET", store.presign_get(AREA + name, 60)).headers
        assert headers["content-disposition"].split(";")[0] == how
        assert headers["content-type"] == kind
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]


def test_if_range_of_an_older_object_sends_the_whole(store: LocalStore) -> None:
    old = store.put(AREA + "a.webm", b"0123456789", "video/webm")
    url = store.presign_get(AREA + "a.webm", 60)
    headers = {"Range": "bytes=5-", "If-Range": f'"{old.etag}"'}
    assert send("GET", url, headers=headers).status == 206
    store.put(AREA + "a.webm", b"9876543210", "video/webm")
    whole = send("GET", url, headers=headers)
    assert (whole.status, whole.body) == (200, b"9876543210")


async def test_clients_that_rewrite_urls_still_fit_the_signature(store: LocalStore) -> None:
    name = "a b+c (1)'s [x] {y} %41 ünï日本 #&=;@,!$~^`.png"
    key = AREA + name
    store.put(key, b"12345", "image/png")
    url = store.presign_get(key, 60)
    assert str(URL(url)) == url
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == b"12345"


def test_sixteen_uploads_side_by_side(store: LocalStore) -> None:
    body = b"z" * (1 << 20)

    def upload(number: int) -> int:
        put = store.presign_put(f"{AREA}{number}.png", len(body), "image/png", 60)
        return send("PUT", put.url, body, put.headers).status

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(upload, range(16))) == {200}
    assert len(store.page(AREA).objects) == 16


def test_an_upload_is_told_to_those_who_listen(store: LocalStore) -> None:
    told: list[str] = []
    store.on_created(told.append)
    put = store.presign_put(AREA + "request.json", 2, "application/json", 60)
    assert send("PUT", put.url, b"{}", put.headers).status == 200
    assert send("PUT", put.url, b"{}", {"Content-Type": "text/html"}).status == 403
    assert told == [AREA + "request.json"]
