"""What only S3 has: endpoints, credentials, checksums, a CDN."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jigdesk.adapters.store.s3 import S3Store
from jigdesk.adapters.store.s3_client import open_s3
from jigdesk.domain.errors import SetupError, StoreError, StoreUnavailable
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
    assert time.monotonic() - began < 60


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
