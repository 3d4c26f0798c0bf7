"""What every object store promises: the local one over a real listener, S3 over SeaweedFS."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.client import RemoteDisconnected
from pathlib import Path
from threading import Barrier, Event

import pytest

from jigdesk.adapters.store.local import LocalStore
from jigdesk.domain.errors import (
    ErrorCode,
    JobError,
    ObjectNotFound,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
)
from jigdesk.ports import BlockingStore, ObjectInfo
from tests.harness.waiting import PATIENCE_S
from tests.integration.store.wire import send
from tests.realparts.seaweedfs import Seaweed

MIB = 1 << 20


def listed(
    store: BlockingStore, prefix: str, limit: int, delimiter: str | None = None
) -> list[str]:
    """Every key and prefix, page by page, in the order of the pages."""
    found: list[str] = []
    after = None
    while True:
        page = store.page(prefix, after=after, limit=limit, delimiter=delimiter)
        assert len(page.objects) + len(page.prefixes) <= limit
        found += sorted([each.key for each in page.objects] + list(page.prefixes))
        if page.next_after is None:
            return found
        after = page.next_after


# --- objects ----------------------------------------------------------------------------------


def test_an_object_comes_back_as_it_was_written(store: BlockingStore, area: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    written = store.put(area + "a.json", b'{"a": 1}')
    body, info = store.get(area + "a.json", 100)
    assert body == b'{"a": 1}'
    assert info == store.head(area + "a.json")
    assert (info.key, info.size_bytes, info.content_type) == (
        area + "a.json",
        8,
        "application/json",
    )
    assert info.etag == written.etag
    assert '"' not in info.etag
    assert before <= info.last_modified <= datetime.now(UTC) + timedelta(seconds=2)


def test_an_empty_object_is_an_object(store: BlockingStore, area: str) -> None:
    store.put(area + "empty", b"", "text/plain")
    body, info = store.get(area + "empty", 0)
    assert (body, info.size_bytes, info.content_type) == (b"", 0, "text/plain")


@pytest.mark.parametrize(
    "name",
    ["ünï/日本.png", "a b+c (1)'s.png", "100%.png", "x#y&z=1.txt", "~tilde,;@$!.txt", "a%20b.txt"],
)
def test_names_survive_every_way_in_and_out(store: BlockingStore, area: str, name: str) -> None:
    key = area + name
    put = store.presign_put(key, 3, "text/plain", 60)
    assert send(put.method, put.url, b"abc", put.headers).status == 200
    assert [each.key for each in store.page(area).objects] == [key]
    assert send("GET", store.presign_get(key, 60)).body == b"abc"
    store.delete([key])
    assert store.head(key) is None


def test_what_is_not_there_is_none_or_not_found(
    store: BlockingStore, area: str, tmp_path: Path
) -> None:
    assert store.head(area + "nothing") is None
    with pytest.raises(ObjectNotFound):
        store.get(area + "nothing", 10)
    with pytest.raises(ObjectNotFound):
        store.download(area + "nothing", tmp_path / "x", 10)
    assert list(tmp_path.iterdir()) == []


def test_get_refuses_more_than_was_asked_for(store: BlockingStore, area: str) -> None:
    store.put(area + "big", b"12345", "text/plain")
    with pytest.raises(StoreError, match="larger than 4 bytes"):
        store.get(area + "big", 4)
    assert store.get(area + "big", 5)[0] == b"12345"


def test_delete_takes_many_and_minds_no_missing_one(store: BlockingStore, area: str) -> None:
    keys = [f"{area}many/{number:04d}" for number in range(12)]
    for key in keys:
        store.put(key, b"x", "text/plain")
    store.delete(iter([*keys[:-1], area + "never/was"]))
    assert [each.key for each in store.page(area).objects] == keys[-1:]
    store.delete([])


# --- listings ---------------------------------------------------------------------------------


def test_listings_page_in_order_and_lose_nothing(store: BlockingStore, area: str) -> None:
    keys = [f"{area}{folder}/{number}" for folder in "abc" for number in range(3)]
    keys += [f"{area}top-{number}" for number in range(3)]
    for key in keys:
        store.put(key, b"x", "text/plain")
    store.put(area.replace("inputs", "jobs") + "elsewhere", b"x", "text/plain")
    for limit in (1, 2, 5, 1000):
        assert listed(store, area, limit) == sorted(keys)
    folded = [area + "a/", area + "b/", area + "c/", *sorted(keys)[-3:]]
    for limit in (1, 2, 1000):
        assert listed(store, area, limit, "/") == folded
    assert listed(store, area + "b", 2) == [f"{area}b/{number}" for number in range(3)]
    assert listed(store, area + "b", 2, "/") == [area + "b/"]
    assert listed(store, area + "nothing/", 10) == []


def test_a_listing_begins_after_a_key(store: BlockingStore, area: str) -> None:
    for name in ("a", "b", "c"):
        store.put(area + name, b"12", "text/plain")
    page = store.page(area, after=area + "a")
    assert [each.key for each in page.objects] == [area + "b", area + "c"]
    head = store.head(area + "b")
    assert head is not None
    assert (page.objects[0].etag, page.objects[0].size_bytes) == (head.etag, 2)
    assert abs(page.objects[0].last_modified - head.last_modified) < timedelta(seconds=1)


def test_newest_first_is_told_by_last_modified(store: BlockingStore, area: str) -> None:
    store.put(area + "z-old", b"1", "text/plain")
    first = store.head(area + "z-old")
    assert first is not None
    while store.put(area + "a-new", b"2", "text/plain").last_modified <= first.last_modified:
        time.sleep(0.05)  # S3 counts in whole seconds
    objects = sorted(store.page(area).objects, key=lambda each: each.last_modified)
    assert [each.key for each in objects] == [area + "z-old", area + "a-new"]


# --- conditional writes -----------------------------------------------------------------------


def test_of_eight_creators_one_wins(store: BlockingStore, area: str) -> None:
    key, start = area + "state.json", Barrier(8)

    def create(number: int) -> ObjectInfo | None:
        start.wait(PATIENCE_S)
        try:
            return store.put(key, f"host-{number}".encode(), create_only=True)
        except PreconditionFailed:
            return None

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(create, range(8)))
    winners = [number for number, result in enumerate(results) if result is not None]
    assert len(winners) == 1
    assert store.get(key, 100)[0] == f"host-{winners[0]}".encode()


def test_if_match_writes_over_what_was_read_and_nothing_else(
    store: BlockingStore, area: str
) -> None:
    key = area + "status.json"
    first = store.put(key, b"1")
    second = store.put(key, b"2", if_match=first.etag)
    assert second.etag != first.etag
    with pytest.raises(PreconditionFailed):
        store.put(key, b"3", if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        store.put(area + "missing", b"3", if_match=first.etag)
    assert store.get(key, 10)[0] == b"2"
    assert store.head(area + "missing") is None


def test_of_eight_if_match_writers_of_one_state_one_wins(store: BlockingStore, area: str) -> None:
    key, start = area + "status.json", Barrier(8)
    seen = store.put(key, b"seen").etag

    def rewrite(number: int) -> bool:
        start.wait(PATIENCE_S)
        try:
            store.put(key, f"{number}".encode(), if_match=seen)
        except PreconditionFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(rewrite, range(8))) == 1


# --- files ------------------------------------------------------------------------------------


def test_a_file_goes_up_and_comes_down_whole(
    store: BlockingStore, area: str, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "deep" / "target"
    source.write_bytes(b"0123456789" * 100_000)
    info = store.upload(source, area + "clip.webm", "video/webm")
    assert (info.size_bytes, info.content_type) == (1_000_000, "video/webm")
    digest = store.download(area + "clip.webm", target, 1_000_000)
    assert digest.size_bytes == 1_000_000
    assert digest.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()
    assert target.read_bytes() == source.read_bytes()
    assert [each.name for each in target.parent.iterdir()] == ["target"]


def test_a_file_that_is_gone_is_told_as_the_store_tells(
    store: BlockingStore, area: str, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"Cannot read 'gone\.webm'"):
        store.upload(tmp_path / "gone.webm", area + "gone.webm", "video/webm")
    assert store.head(area + "gone.webm") is None


def test_a_download_over_the_limit_leaves_no_file(
    store: BlockingStore, area: str, tmp_path: Path
) -> None:
    store.put(area + "photo.png", b"x" * 1001, "image/png")
    with pytest.raises(JobError, match=r"photo\.png") as caught:
        store.download(area + "photo.png", tmp_path / "target", 1000)
    assert caught.value.error_code is ErrorCode.INPUT_TOO_LARGE
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_transfer_leaves_nothing(store: BlockingStore, area: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 20 * MIB)
    store.upload(source, area + "there", "video/mp4")
    stop = Event()
    stop.set()
    with pytest.raises(StoreUnavailable):
        store.upload(source, area + "not-there", "video/mp4", stop=stop)
    assert store.head(area + "not-there") is None
    with pytest.raises(StoreUnavailable):
        store.download(area + "there", tmp_path / "target", 100 * MIB, stop=stop)
    assert [each.name for each in tmp_path.iterdir()] == ["source"]


_MEASURE = """
import json, resource, sys, time
from pathlib import Path
from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.s3_client import open_s3
from jigdesk.adapters.store.signing import UrlSigner
made, key, source, target = json.loads(sys.argv[1])
if "root" in made:
    store = LocalStore(Path(made["root"]), "jig-react", UrlSigner(bytes(32)), lambda: "")
else:
    store = open_s3(**made)
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
small = Path(source).with_name("small")
small.write_bytes(b"x" * 1000)
store.upload(small, key + ".small", "text/plain")
store.download(key + ".small", small, 1000)
before = peak()
began = time.monotonic()
store.upload(Path(source), key, "video/mp4")
digest = store.download(key, Path(target), 1 << 40)
print(json.dumps([peak() - before, digest.size_bytes, digest.sha256, time.monotonic() - began]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory is read from getrusage")
@pytest.mark.parametrize(
    "size_mib", [64, pytest.param(1024, marks=[pytest.mark.slow, pytest.mark.timeout(300)])]
)
def test_a_large_file_streams_with_flat_memory(
    request: pytest.FixtureRequest, store: BlockingStore, area: str, tmp_path: Path, size_mib: int
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    digest = hashlib.sha256()
    with source.open("wb") as file:
        for number in range(size_mib):
            block = hashlib.sha256(bytes([number % 251])).digest() * (MIB // 32)
            digest.update(block)
            file.write(block)
    made: dict[str, object] = {"root": str(tmp_path / "objects")}
    if not isinstance(store, LocalStore):
        seaweed: Seaweed = request.getfixturevalue("seaweed")
        made = {
            "bucket": seaweed.bucket,
            "region": seaweed.region,
            "endpoint_url": seaweed.endpoint_url,
            "access_key_id": seaweed.access_key_id,
            "secret_access_key": seaweed.secret_access_key,
        }
    argument = json.dumps([made, area + "big.mp4", str(source), str(target)])
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, argument], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    growth, size_bytes, sha256, _ = json.loads(run.stdout)
    assert (size_bytes, sha256) == (size_mib * MIB, digest.hexdigest())
    assert growth < 32 * MIB
    if not isinstance(store, LocalStore):
        store.delete([area + "big.mp4"])


# --- signed URLs ------------------------------------------------------------------------------


def test_a_signed_put_lands_with_its_type(store: BlockingStore, area: str) -> None:
    before = datetime.now(UTC)
    put = store.presign_put(area + "photo.png", 5, "image/png", 60)
    assert put.method == "PUT"
    assert before < put.expires_at <= datetime.now(UTC) + timedelta(seconds=61)
    answer = send("PUT", put.url, b"12345", put.headers)
    assert answer.status == 200
    body, info = store.get(area + "photo.png", 10)
    assert (body, info.content_type) == (b"12345", "image/png")
    assert answer.headers["etag"] == f'"{info.etag}"'


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        pytest.param(b"123456", {"Content-Type": "image/png"}, id="longer"),
        pytest.param(b"1234", {"Content-Type": "image/png"}, id="shorter"),
        pytest.param(b"", {"Content-Type": "image/png"}, id="empty"),
        pytest.param(b"12345", {"Content-Type": "text/html"}, id="other type"),
        pytest.param(b"12345", {}, id="no type"),
    ],
)
def test_a_signed_put_takes_nothing_else(
    store: BlockingStore, area: str, body: bytes, headers: dict[str, str]
) -> None:
    put = store.presign_put(area + "photo.png", 5, "image/png", 60)
    assert send("PUT", put.url, body, headers).status == 403
    assert store.head(area + "photo.png") is None


def test_a_signed_put_holds_the_sha256_that_it_was_given(store: BlockingStore, area: str) -> None:
    sha256 = hashlib.sha256(b"12345").hexdigest()
    put = store.presign_put(area + "photo.png", 5, "image/png", 60, sha256=sha256)
    assert send("PUT", put.url, b"54321", put.headers).status == 400
    assert store.head(area + "photo.png") is None
    assert send("PUT", put.url, b"12345", put.headers).status == 200


def test_a_url_is_good_for_its_method_only(store: BlockingStore, area: str) -> None:
    store.put(area + "a.png", b"12345", "image/png")
    put = store.presign_put(area + "a.png", 5, "image/png", 60)
    get = store.presign_get(area + "a.png", 60)
    assert send("GET", put.url).status == 403
    assert send("PUT", get, b"99999", {"Content-Type": "image/png"}).status == 403
    assert send("DELETE", get).status in (403, 405)
    assert store.get(area + "a.png", 10)[0] == b"12345"


def test_a_url_dies_on_time(store: BlockingStore, area: str) -> None:
    store.put(area + "a.png", b"12345", "image/png")
    put = store.presign_put(area + "b.png", 5, "image/png", 1)
    get = store.presign_get(area + "a.png", 1)
    deadline = time.monotonic() + PATIENCE_S
    while send("GET", get).status == 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert send("GET", get).status == 403
    assert send("PUT", put.url, b"12345", put.headers).status == 403
    assert store.head(area + "b.png") is None


@pytest.mark.parametrize("way", ["GET", "PUT"])
def test_no_byte_of_a_url_can_be_changed(store: BlockingStore, area: str, way: str) -> None:
    key, other = area + "photo-1.png", area + "photo-2.png"
    store.put(key, b"12345", "image/png")
    store.put(other, b"other", "image/png")
    put = store.presign_put(key, 5, "image/png", 600)
    url = put.url if way == "PUT" else store.presign_get(key, 600)
    local = isinstance(store, LocalStore)
    begin = url.index("/files/") + len("/files/") if local else url.index(key)

    def status(changed: str) -> int:
        body, headers = (None, {}) if way == "GET" else (b"99999", put.headers)
        return send(way, changed, body, headers).status

    def refused(changed: str) -> bool:
        if local:
            return status(changed) == 403
        try:
            return status(changed) in (400, 403, 404)
        except RemoteDisconnected:  # SeaweedFS hangs up on some nonsense instead of answering
            return True

    tried = 0
    for at in range(begin, len(url)):
        # S3 reads names and escapes as it pleases: there, what is signed is what is changed
        if local or _in_signed_value(url, at):
            flipped = "A" if url[at] != "A" else "B"
            assert refused(url[:at] + flipped + url[at + 1 :]), (at, url[at])
            tried += 1
    assert tried > 60
    assert status(url.replace("photo-1", "photo-2")) == 403
    assert store.get(key, 10)[0] == b"12345"
    assert store.get(other, 10)[0] == b"other"
    assert status(url) == 200


def _in_signed_value(url: str, at: int) -> bool:
    """Whether the byte is in the key or in the value of a query parameter, and no escape."""
    query = url.index("?")
    inside = at < query or url.rfind("=", query, at) > url.rfind("&", query, at)
    return (
        inside and re.fullmatch(r"[A-Za-z0-9]", url[at]) is not None and "%" not in url[at - 2 : at]
    )


def test_a_signed_get_answers_ranges_and_revalidation(store: BlockingStore, area: str) -> None:
    store.put(area + "clip.mp4", b"0123456789", "video/mp4")
    url = store.presign_get(area + "clip.mp4", 60)
    whole = send("GET", url)
    assert (whole.status, whole.body, whole.headers["content-type"]) == (
        200,
        b"0123456789",
        "video/mp4",
    )
    part = send("GET", url, headers={"Range": "bytes=2-4"})
    assert (part.status, part.body) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    assert send("GET", url, headers={"Range": "bytes=-3"}).body == b"789"
    assert send("GET", url, headers={"Range": "bytes=20-"}).status == 416
    again = send("GET", url, headers={"If-None-Match": whole.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_hostile_content_is_saved_and_not_shown(store: BlockingStore, area: str) -> None:
    store.put(area + "page.html", b"<script>alert(1)</script>", "text/html")
    answer = send("GET", store.presign_get(area + "page.html", 60))
    assert answer.status == 200
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_signed_get_of_nothing_is_a_404(store: BlockingStore, area: str) -> None:
    assert send("GET", store.presign_get(area + "nothing", 60)).status == 404


def test_two_writers_of_one_key_never_mix(store: BlockingStore, area: str) -> None:
    key = area + "status.json"
    bodies = [bytes([65 + number]) * 50_000 for number in range(6)]
    store.put(key, bodies[0])

    def rewrite(body: bytes) -> Callable[[], None]:
        def work() -> None:
            for _ in range(5):
                store.put(key, body)
                assert store.get(key, 100_000)[0] in bodies

        return work

    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(rewrite(body)) for body in bodies]:
            done.result()


def test_a_put_of_open_length_takes_what_comes(store: BlockingStore, area: str) -> None:
    put = store.presign_put(area + "request.json", None, "application/json", 60)
    for body in (b"{}", b'{"version": 1}'):
        assert send("PUT", put.url, body, put.headers).status == 200
        assert store.get(area + "request.json", 100)[0] == body
    assert send("PUT", put.url, b"<p>", {"Content-Type": "text/html"}).status == 403
