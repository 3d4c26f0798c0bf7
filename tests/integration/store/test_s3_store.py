"""What only S3 has: endpoints, credentials, checksums, a CDN."""

from __future__ import annotations

import hashlib
import socket
import socketserver
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import pytest

from jigdesk.adapters.store.s3 import S3Store
from jigdesk.adapters.store.s3_client import open_s3
from jigdesk.domain.errors import PreconditionFailed, SetupError, StoreError, StoreUnavailable
from tests.harness.waiting import PATIENCE_S
from tests.realparts.seaweedfs import Seaweed

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "not-so-secret-words"}


@pytest.fixture
def no_aws_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as taken:  # bound and not listening: nobody else can listen there
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_an_unreachable_endpoint_is_unavailable_soon(closed_port: int, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port}"
    began = time.monotonic()
    with closing(open_s3(bucket="jig-react", endpoint_url=url, **KEYS)) as store:
        for call in (
            lambda: store.head("a"),
            lambda: store.put("a", b""),
            lambda: store.page(""),
            lambda: store.download("a", tmp_path / "a", 10),
        ):
            with pytest.raises(StoreUnavailable) as caught:
                call()
            assert KEYS["secret_access_key"] not in str(caught.value)
    assert time.monotonic() - began < 120


@pytest.mark.realparts
@pytest.mark.parametrize("wrong", ["access_key_id", "secret_access_key"])
def test_wrong_credentials_say_which_setting_to_check(seaweed: Seaweed, wrong: str) -> None:
    keys = {
        "access_key_id": seaweed.access_key_id,
        "secret_access_key": seaweed.secret_access_key,
    }
    keys[wrong] = "WRONGWRONGWRONG"
    with closing(
        open_s3(bucket=seaweed.bucket, endpoint_url=seaweed.endpoint_url, **keys)
    ) as store:
        for call in (lambda: store.page(""), lambda: store.put("a", b"")):
            with pytest.raises(StoreError, match=f"store.{wrong}") as caught:
                call()
            assert not any(value in str(caught.value) for value in keys.values())
        with pytest.raises(StoreError):
            store.head("a")


@pytest.mark.realparts
def test_a_missing_bucket_is_named(seaweed: Seaweed) -> None:
    with closing(
        open_s3(
            bucket="no-such-bucket",
            endpoint_url=seaweed.endpoint_url,
            access_key_id=seaweed.access_key_id,
            secret_access_key=seaweed.secret_access_key,
        )
    ) as store:
        with pytest.raises(StoreError, match="no-such-bucket") as caught:
            store.page("")
        assert caught.value.code == "no_such_bucket"


@pytest.mark.realparts
def test_checksums_are_kept_where_the_server_has_them(seaweed: Seaweed, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"0123456789abcdef" * (20 << 16))
    client = seaweed.client()
    with closing(S3Store(client, seaweed.bucket, checksum="SHA256")) as store:
        store.put("outputs/checked.json", b"{}")
        store.upload(source, "outputs/checked.mp4", "video/mp4")
        small = client.head_object(
            Bucket=seaweed.bucket, Key="outputs/checked.json", ChecksumMode="ENABLED"
        )
        assert small["ChecksumSHA256"]
        digest = store.download("outputs/checked.mp4", tmp_path / "target", 1 << 30)
    assert digest.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_aws_is_addressed_by_its_regional_host() -> None:
    for region in ("eu-central-1", "us-east-1"):
        with closing(open_s3(bucket="jig-react", region=region, **KEYS)) as store:
            host = urlsplit(store.presign_put("inputs/x", 1, "image/png", 60).url).hostname
            assert host == f"jig-react.s3.{region}.amazonaws.com"
    with closing(open_s3(bucket="jig.react", region="eu-central-1", **KEYS)) as store:
        parts = urlsplit(store.presign_get("inputs/x", 60))
        assert (parts.hostname, parts.path) == (
            "s3.eu-central-1.amazonaws.com",
            "/jig.react/inputs/x",
        )


def test_an_endpoint_of_boto3s_own_settings_is_addressed_by_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://storage.example.test")
    with closing(open_s3(bucket="jig-react", region="auto", **KEYS)) as store:
        parts = urlsplit(store.presign_get("inputs/x", 60))
        assert (parts.hostname, parts.path) == ("storage.example.test", "/jig-react/inputs/x")


def test_what_a_put_may_be_is_under_the_signature() -> None:
    with closing(open_s3(bucket="jig-react", region="eu-central-1", **KEYS)) as store:
        url = store.presign_put("inputs/x", 7, "image/png", 60, sha256="00" * 32).url
        assert "SignedHeaders=content-length%3Bcontent-type%3Bhost%3Bx-amz-checksum-sha256" in url
        assert KEYS["secret_access_key"] not in url


def test_results_go_through_the_cdn_and_nothing_else() -> None:
    with closing(
        open_s3(
            bucket="jig-react",
            region="eu-central-1",
            public_base_url="https://cdn.example.test/",
            **KEYS,
        )
    ) as store:
        assert (
            store.presign_get("outputs/a/b c.png", 60)
            == "https://cdn.example.test/outputs/a/b%20c.png"
        )
        assert "X-Amz-Signature" in store.presign_get("inputs/a/b.png", 60)
        assert "X-Amz-Signature" in store.presign_put("outputs/a", 1, "image/png", 60).url


@pytest.mark.usefixtures("no_aws_settings")
def test_settings_that_cannot_work_are_said_at_once() -> None:
    with pytest.raises(SetupError, match=r"store\.region"):
        open_s3(bucket="jig-react", **KEYS)
    with pytest.raises(SetupError, match="together") as caught:
        open_s3(bucket="jig-react", region="eu-central-1", access_key_id="AKID")
    assert caught.value.field == "store.secret_access_key"
    with pytest.raises(SetupError):
        open_s3(bucket="jig-react", endpoint_url="not a url", **KEYS)


@pytest.mark.usefixtures("no_aws_settings")
def test_missing_credentials_are_said_at_the_first_call() -> None:
    with (
        closing(open_s3(bucket="jig-react", region="eu-central-1")) as store,
        pytest.raises(StoreError, match="credentials") as caught,
    ):
        store.head("a")
    assert caught.value.code == "no_credentials"


@pytest.mark.realparts
def test_a_claim_whose_answer_got_lost_is_still_won(seaweed: Seaweed) -> None:
    key = f"jobs/{uuid.uuid4()}/state.json"
    with losing_first_answer(seaweed) as endpoint_url, closing(_open(seaweed, endpoint_url)) as s3:
        written = s3.put(key, b'{"host_id": "me"}', create_only=True)
        again = s3.put(key, b'{"host_id": "me", "attempt": 2}', if_match=written.etag)
        assert s3.head(key) is not None
        with pytest.raises(PreconditionFailed):
            s3.put(key, b'{"host_id": "other"}', create_only=True)
        assert s3.get(key, 100) == (b'{"host_id": "me", "attempt": 2}', s3.head(key))
    assert again.etag != written.etag


@pytest.mark.realparts
def test_a_claim_that_another_won_is_lost_whatever_got_lost(seaweed: Seaweed) -> None:
    key = f"jobs/{uuid.uuid4()}/state.json"
    with closing(_open(seaweed, seaweed.endpoint_url)) as s3:
        s3.put(key, b'{"host_id": "other"}')
    with losing_first_answer(seaweed) as endpoint_url, closing(_open(seaweed, endpoint_url)) as s3:
        with pytest.raises(PreconditionFailed):
            s3.put(key, b'{"host_id": "me"}', create_only=True)
        assert s3.get(key, 100)[0] == b'{"host_id": "other"}'


@pytest.mark.realparts
def test_an_upload_that_is_stopped_leaves_no_parts(seaweed: Seaweed, tmp_path: Path) -> None:
    source, key, stop = tmp_path / "source", f"outputs/{uuid.uuid4()}.mp4", Event()
    with source.open("wb") as file:
        file.truncate(512 << 20)
    with (
        closing(seaweed.client()) as client,
        closing(_open(seaweed, seaweed.endpoint_url)) as s3,
        ThreadPoolExecutor(1) as pool,
    ):
        uploading = pool.submit(s3.upload, source, key, "video/mp4", stop=stop)
        deadline = time.monotonic() + PATIENCE_S
        while not client.list_multipart_uploads(Bucket=seaweed.bucket).get("Uploads"):
            assert time.monotonic() < deadline
            assert not uploading.done()
        stop.set()
        with pytest.raises(StoreUnavailable):
            uploading.result(PATIENCE_S)
        assert not client.list_multipart_uploads(Bucket=seaweed.bucket).get("Uploads")
        assert s3.head(key) is None


def _open(seaweed: Seaweed, endpoint_url: str) -> S3Store:
    return open_s3(
        bucket=seaweed.bucket,
        region=seaweed.region,
        endpoint_url=endpoint_url,
        access_key_id=seaweed.access_key_id,
        secret_access_key=seaweed.secret_access_key,
    )


@contextmanager
def losing_first_answer(seaweed: Seaweed) -> Iterator[str]:
    """A line to SeaweedFS that breaks after the first request arrived, before its answer."""
    there = urlsplit(seaweed.endpoint_url)
    lost = Event()
    ends: list[socket.socket] = []

    class Line(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            ends.append(self.request)
            with socket.create_connection((there.hostname or "", there.port or 0)) as server:
                back = threading.Thread(target=self.relay_answers, args=(server,))
                back.start()
                with suppress(OSError):
                    while chunk := self.request.recv(65536):
                        server.sendall(chunk)
                with suppress(OSError):
                    server.shutdown(socket.SHUT_RDWR)
                back.join()

        def relay_answers(self, server: socket.socket) -> None:
            with suppress(OSError):
                while chunk := server.recv(65536):
                    if not lost.is_set() and b" 100 " not in chunk[:20]:
                        lost.set()
                        break
                    self.request.sendall(chunk)
            with suppress(OSError):
                self.request.shutdown(socket.SHUT_RDWR)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Line) as line:
        thread = threading.Thread(target=line.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{line.server_address[1]}"
        finally:
            line.shutdown()
            thread.join()
            for end in ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
    assert lost.is_set()


def test_an_abort_ends_what_waits_for_an_answer() -> None:
    """A server that accepts and never answers: each try would wait for half a minute."""
    with socket.create_server(("127.0.0.1", 0)) as hole:
        port = hole.getsockname()[1]
        with (
            closing(
                open_s3(
                    bucket="jig-react",
                    region="us-east-1",
                    endpoint_url=f"http://127.0.0.1:{port}",
                    **KEYS,
                )
            ) as store,
            ThreadPoolExecutor(4) as threads,
        ):
            calls = [threads.submit(store.head, f"jobs/{number}") for number in range(4)]
            accepted = [hole.accept()[0] for _ in calls]
            began = time.monotonic()
            store.abort()
            for call in calls:
                with pytest.raises(StoreUnavailable):
                    call.result(timeout=25)
            assert time.monotonic() - began < 25
            with pytest.raises(StoreUnavailable, match="closed"):
                store.get("jobs/x", 1)
            for each in accepted:
                each.close()
