"""What S3 refuses is told as passing or as final, with a remedy and without secrets."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from jigdesk.adapters.store.s3_errors import s3_errors
from jigdesk.domain.errors import (
    ObjectNotFound,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
)


def answer(code: str, status: int) -> ClientError:
    return ClientError(
        {
            "Error": {"Code": code, "Message": "AKIDSECRET and its friends"},
            "ResponseMetadata": {"HTTPStatusCode": status},  # type: ignore[typeddict-item]
        },
        "PutObject",
    )


def told(error: Exception, *, conditional: bool = False) -> Exception:
    with (
        pytest.raises((StoreError, StoreUnavailable)) as caught,
        s3_errors("jig-react", "a/key", conditional=conditional),
    ):
        raise error
    assert "AKIDSECRET" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SlowDown", 503),
        ("InternalError", 500),
        ("ServiceUnavailable", 503),
        ("RequestTimeout", 400),
        ("ExpiredToken", 400),
        ("Throttling", 400),
        ("OperationAborted", 409),
        ("502", 502),
        ("whatever", 504),
        ("whatever", 429),
    ],
)
def test_what_passes_may_be_tried_again(code: str, status: int) -> None:
    assert isinstance(told(answer(code, status)), StoreUnavailable)


@pytest.mark.parametrize(
    ("code", "status", "name", "remedy"),
    [
        ("AccessDenied", 403, "access_denied", "s3:PutObject"),
        ("403", 403, "access_denied", "s3:PutObject"),
        ("NoSuchBucket", 404, "no_such_bucket", "jig-react"),
        ("InvalidAccessKeyId", 403, "invalid_access_key_id", "store.access_key_id"),
        ("SignatureDoesNotMatch", 403, "signature_does_not_match", "store.secret_access_key"),
        ("AuthorizationHeaderMalformed", 400, "permanent_redirect", "store.region"),
        ("PermanentRedirect", 301, "permanent_redirect", "store.region"),
        ("RequestTimeTooSkewed", 403, "request_time_too_skewed", "clock"),
        ("NotImplemented", 501, "store_error", "NotImplemented"),
        ("SomethingNew", 400, "store_error", "SomethingNew"),
    ],
)
def test_what_stays_says_what_to_mend(code: str, status: int, name: str, remedy: str) -> None:
    error = told(answer(code, status))
    assert isinstance(error, StoreError)
    assert error.code == name
    assert remedy in error.message


@pytest.mark.parametrize(
    ("code", "status"),
    [("PreconditionFailed", 412), ("412", 412), ("ConditionalRequestConflict", 409)],
)
def test_a_lost_race_is_a_precondition(code: str, status: int) -> None:
    assert isinstance(told(answer(code, status), conditional=True), PreconditionFailed)


def test_a_missing_key_is_not_found_or_a_lost_race() -> None:
    assert isinstance(told(answer("NoSuchKey", 404)), ObjectNotFound)
    assert isinstance(told(answer("404", 404)), ObjectNotFound)
    assert isinstance(told(answer("NoSuchKey", 404), conditional=True), PreconditionFailed)


@pytest.mark.parametrize(
    "error",
    [
        boto.EndpointConnectionError(endpoint_url="http://x"),
        boto.ConnectTimeoutError(endpoint_url="http://x"),
        boto.ReadTimeoutError(endpoint_url="http://x"),
        boto.ConnectionClosedError(endpoint_url="http://x"),
        boto.ProxyConnectionError(proxy_url="http://x"),
        boto.SSLError(endpoint_url="http://x", error="bad certificate"),
        boto.ResponseStreamingError(error="cut"),
        boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        boto.CredentialRetrievalError(provider="sso", error_msg="expired"),
        boto.UnauthorizedSSOTokenError(),
        ConnectionResetError(),
    ],
)
def test_a_bad_line_may_be_tried_again(error: Exception) -> None:
    assert isinstance(told(error), StoreUnavailable)


@pytest.mark.parametrize(
    "error",
    [
        boto.NoCredentialsError(),
        boto.PartialCredentialsError(provider="env", cred_var="AKIDSECRET"),
        boto.ParamValidationError(report="AKIDSECRET"),
    ],
)
def test_bad_settings_are_final(error: Exception) -> None:
    assert isinstance(told(error), StoreError)


def test_a_bug_keeps_its_own_face() -> None:
    with pytest.raises(ZeroDivisionError), s3_errors("jig-react"):
        raise ZeroDivisionError
