from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jigdesk.domain.errors import RequestError
from lambdas.common.identity import SupabaseIdentity
from tests.fakes.api_world import JWT_SECRET, token_for


def _refusal(identity: SupabaseIdentity, token: str) -> RequestError:
    with pytest.raises(RequestError) as failure:
        identity.user_id(token)
    return failure.value


class TestSharedSecret:
    identity = SupabaseIdentity(jwt_secret=JWT_SECRET)

    def test_a_good_token_names_its_user(self) -> None:
        user = "0b7c7b0e-8a5e-4c1e-9f40-2f0f3d6f1a11"
        assert self.identity.user_id(token_for(user)) == user

    @pytest.mark.parametrize(
        "change",
        [
            {"exp": 1_000_000_000},
            {"exp": None},
            {"aud": "anon"},
            {"aud": None},
            {"sub": None},
            {"sub": ""},
            {"sub": "a/b"},
            {"nbf": 4_102_444_000},
        ],
    )
    def test_a_token_with_a_bad_claim_is_refused(self, change: dict[str, Any]) -> None:
        assert _refusal(self.identity, token_for("u1", **change)).status == 401

    def test_the_secret_must_be_the_right_one(self) -> None:
        claims = {"sub": "u1", "aud": "authenticated", "exp": 4_102_444_800}
        forged = jwt.encode(claims, "another-secret-of-at-least-32-bytes!", algorithm="HS256")
        assert _refusal(self.identity, forged).status == 401

    @pytest.mark.parametrize("algorithm", ["none", "None", "HS384", "RS256", 7, None])
    def test_no_other_algorithm_is_taken(self, algorithm: object) -> None:
        _, payload, signature = token_for("u1").split(".")
        header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm}).encode()).decode()
        for end in (signature, ""):
            forged = f"{header.rstrip('=')}.{payload}.{end}"
            assert _refusal(self.identity, forged).status == 401

    @pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é", "x" * 9000, "e30.e30.e30"])
    def test_what_is_no_token_is_refused(self, token: str) -> None:
        assert _refusal(self.identity, token).status == 401

    def test_without_any_key_nothing_is_taken(self) -> None:
        assert _refusal(SupabaseIdentity(), token_for("u1")).status == 401
        empty = SupabaseIdentity(jwt_secret="", supabase_url="")
        assert _refusal(empty, token_for("u1")).status == 401


@dataclass
class Published:
    """A project's key document, served on loopback."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    status: int = 200
    body: bytes | None = None
    url: str = ""


@contextmanager
def _published() -> Iterator[Published]:
    published = Published()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/auth/v1/.well-known/jwks.json"
            published.asked += 1
            body = published.body
            if body is None:
                body = json.dumps({"keys": published.keys}).encode()
            self.send_response(published.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    published.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield published
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Seconds:
    """A monotonic clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def _jwk(key: ec.EllipticCurvePrivateKey, key_id: str, **more: Any) -> dict[str, Any]:
    public: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": key_id, "alg": "ES256", **more}


def _signed(key: Any, key_id: str, algorithm: str = "ES256") -> str:
    claims = {"sub": "u1", "aud": "authenticated", "exp": 4_102_444_800}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": key_id})


class TestPublishedKeys:
    key = ec.generate_private_key(ec.SECP256R1())

    def test_a_token_of_a_published_key_is_taken_and_keys_are_kept(self) -> None:
        with _published() as published:
            published.keys = [{"kty": "oct", "k": "AAAA", "kid": "o"}, _jwk(self.key, "k1")]
            identity = SupabaseIdentity(supabase_url=published.url + "/")
            for _ in range(3):
                assert identity.user_id(_signed(self.key, "k1")) == "u1"
            assert published.asked == 1

    def test_a_rotated_key_is_asked_for_but_not_by_everyone(self) -> None:
        fresh = ec.generate_private_key(ec.SECP256R1())
        seconds = Seconds()
        with _published() as published:
            published.keys = [_jwk(self.key, "k1")]
            identity = SupabaseIdentity(supabase_url=published.url, monotonic=seconds)
            identity.user_id(_signed(self.key, "k1"))
            published.keys = [_jwk(fresh, "k2")]
            assert _refusal(identity, _signed(fresh, "k2")).status == 401  # asked just now
            seconds.now += 31
            assert identity.user_id(_signed(fresh, "k2")) == "u1"
            assert _refusal(identity, _signed(self.key, "k1")).status == 401
            assert published.asked == 2

    def test_while_keys_cannot_be_had_those_that_are_known_serve(self) -> None:
        seconds = Seconds()
        with _published() as published:
            published.keys = [_jwk(self.key, "k1")]
            identity = SupabaseIdentity(supabase_url=published.url, monotonic=seconds)
            identity.user_id(_signed(self.key, "k1"))
            published.status = 500
            for _ in range(3):
                seconds.now += 601
                assert identity.user_id(_signed(self.key, "k1")) == "u1"
            seconds.now += 31
            assert _refusal(identity, _signed(self.key, "k2")).status == 503
            assert published.asked == 5

    def test_a_public_key_is_no_shared_secret(self) -> None:
        pem = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"k1"}').decode().rstrip("=")
        payload = token_for("u1").split(".")[1]
        signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            f"{header}.{payload}".encode(), pem
        )
        forged = f"{header}.{payload}.{base64.urlsafe_b64encode(signed).decode().rstrip('=')}"
        with _published() as published:
            published.keys = [_jwk(self.key, "k1")]
            identity = SupabaseIdentity(supabase_url=published.url)
            identity.user_id(_signed(self.key, "k1"))
            assert _refusal(identity, forged).status == 401

    def test_a_key_of_another_kind_is_refused(self) -> None:
        other = rsa.generate_private_key(65537, 2048)
        with _published() as published:
            published.keys = [_jwk(self.key, "k1")]
            identity = SupabaseIdentity(supabase_url=published.url)
            assert _refusal(identity, _signed(other, "k1", "RS256")).status == 401

    @pytest.mark.parametrize(
        ("status", "body"),
        [(500, None), (404, b"{}"), (200, b"{"), (200, b"[]"), (200, b" " * 70_000)],
    )
    def test_keys_that_cannot_be_had_are_a_503(self, status: int, body: bytes | None) -> None:
        with _published() as published:
            published.status, published.body = status, body
            identity = SupabaseIdentity(supabase_url=published.url)
            for _ in range(2):
                refusal = _refusal(identity, _signed(self.key, "k1"))
                assert (refusal.status, refusal.code) == (503, "identity_unavailable")
            assert published.asked == 1
        away = SupabaseIdentity(supabase_url="http://127.0.0.1:1")
        assert _refusal(away, _signed(self.key, "k1")).status == 503
