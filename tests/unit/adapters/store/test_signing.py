"""Signed URLs: what was signed, as it was signed, until it expires."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from jigdesk.adapters.store.signing import Grant, UrlSigner, open_secret
from jigdesk.domain.errors import RequestError, SetupError
from tests.harness.waiting import PATIENCE_S

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXPIRES_AT = int(NOW.timestamp()) + 60
KEY = "inputs/7d1f0c3e-0000-4000-8000-0000000000e2/a b.png"


def signer(now: datetime = NOW, secret: bytes = bytes(32)) -> UrlSigner:
    return UrlSigner(secret, lambda: now)


def target_of(grant: Grant) -> str:
    parts = urlsplit(signer().url("http://127.0.0.1:8766/", grant))
    return f"{parts.path}?{parts.query}"


PUT = Grant("PUT", KEY, EXPIRES_AT, 5, "image/png", "ab" * 32)
GET = Grant("GET", KEY, EXPIRES_AT)


@pytest.mark.parametrize(("method", "grant"), [("PUT", PUT), ("GET", GET), ("HEAD", GET)])
def test_a_url_says_what_was_granted(method: str, grant: Grant) -> None:
    assert signer().check(method, target_of(grant)) == grant


@pytest.mark.parametrize(("method", "grant"), [("GET", PUT), ("HEAD", PUT), ("PUT", GET)])
def test_a_url_is_for_its_method(method: str, grant: Grant) -> None:
    with pytest.raises(RequestError) as caught:
        signer().check(method, target_of(grant))
    assert (caught.value.status, caught.value.code) == (403, "bad_signature")


@given(st.integers(min_value=0), st.characters(min_codepoint=33, max_codepoint=126))
def test_any_altered_byte_is_refused(at: int, to: str) -> None:
    target = target_of(PUT)
    at %= len(target)
    changed = target[:at] + to + target[at + 1 :]
    if changed == target:
        return
    with pytest.raises(RequestError) as caught:
        signer().check("PUT", changed)
    assert caught.value.status == 403


@given(st.text(max_size=300))
def test_noise_is_refused(target: str) -> None:
    with pytest.raises(RequestError):
        signer().check("GET", target)


def test_a_url_expires_to_the_second() -> None:
    signer(NOW + timedelta(seconds=59.9)).check("GET", target_of(GET))
    with pytest.raises(RequestError) as caught:
        signer(NOW + timedelta(seconds=60)).check("GET", target_of(GET))
    assert (caught.value.status, caught.value.code) == (403, "url_expired")


def test_another_secret_refuses() -> None:
    with pytest.raises(RequestError):
        signer(secret=b"x" * 32).check("GET", target_of(GET))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_url_stays_as_it_is_in_clients_that_rewrite_urls(name: str) -> None:
    if set(name.split("/")) & {".", "..", ""}:
        return
    url = signer().url("http://127.0.0.1:8766", Grant("GET", name, EXPIRES_AT))
    assert str(URL(url)) == url
    assert url.isascii()


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX's")
def test_the_secret_is_kept_to_ourselves(tmp_path: Path) -> None:
    path = tmp_path / "state" / "url-secret"
    secret = open_secret(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert open_secret(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(secret) == 32
    assert open_secret(tmp_path / "other") != secret


@pytest.mark.parametrize("damage", [b"", b"abcd", b"zz" * 32, b"\xff" * 40])
def test_a_damaged_secret_says_what_to_do(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "url-secret"
    path.write_bytes(damage)
    with pytest.raises(SetupError, match="url-secret"):
        open_secret(path)


def test_processes_that_start_at_once_share_the_secret(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from jigdesk.adapters.store.signing import "
        "open_secret; print(open_secret(Path(sys.argv[1])).hex())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "url-secret")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    secrets = {process.communicate(timeout=PATIENCE_S)[0] for process in processes}
    assert len(secrets) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["url-secret"]
