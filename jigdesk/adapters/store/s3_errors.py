"""What botocore raises, said as the store says it: try again later, or mend this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from s3transfer.exceptions import CancelledError as TransferCancelledError
from s3transfer.exceptions import RetriesExceededError
from urllib3.exceptions import HTTPError as Urllib3Error

from jigdesk.domain.errors import (
    ObjectNotFound,
    PreconditionFailed,
    StoreError,
    StoreUnavailable,
)

_NOT_IMPLEMENTED = 501
_SERVER_ERROR = 500
_TOO_MANY = 429

_PASSING = frozenset(
    {
        "BandwidthLimitExceeded",
        "ExpiredToken",
        "ExpiredTokenException",
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "SlowDown",
        "SlowDownRead",
        "SlowDownWrite",
        "Throttling",
        "ThrottlingException",
        "TokenRefreshRequired",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
_LOST_RACE = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412"})
_MISSING = frozenset({"NoSuchKey", "NotFound", "404"})

_REMEDIES = {
    "AccessDenied": (
        "The object store denies access to bucket {bucket!r}. Allow these credentials "
        "s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on it."
    ),
    "NoSuchBucket": "There is no bucket {bucket!r}. Create it or change store.bucket.",
    "InvalidBucketName": "{bucket!r} is no bucket name. Change store.bucket.",
    "InvalidAccessKeyId": (
        "The object store does not know the access key id. Check store.access_key_id."
    ),
    "SignatureDoesNotMatch": (
        "The object store refuses the secret access key. Check store.secret_access_key."
    ),
    "InvalidToken": "The object store refuses the session token. Fetch new credentials.",
    "RequestTimeTooSkewed": "This machine's clock is wrong for the object store. Set the clock.",
    "PermanentRedirect": "Bucket {bucket!r} lies in another region. Set store.region to it.",
    "EntityTooLarge": "The object is larger than the object store allows.",
}
_SAME_AS = {
    "403": "AccessDenied",
    "Forbidden": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "AccountProblem": "AccessDenied",
    "301": "PermanentRedirect",
    "AuthorizationHeaderMalformed": "PermanentRedirect",
    "IllegalLocationConstraintException": "PermanentRedirect",
}


@contextlib.contextmanager
def s3_errors(bucket: str, key: str = "", *, conditional: bool = False) -> Iterator[None]:
    """Translate inside the block; nothing of the library's own is raised out of it.

    `conditional`: a write that depends on what is there, so that a missing object is a lost race.
    """
    try:
        yield
    except ClientError as error:
        raise _refusal(error, bucket, key, conditional=conditional) from error
    except (TransferCancelledError, RetriesExceededError) as error:
        raise StoreUnavailable("The transfer to the object store did not finish.") from error
    except SSLError as error:
        raise StoreUnavailable(
            "No trusted TLS connection to the object store. Check store.endpoint_url and this "
            "machine's certificates."
        ) from error
    except (
        BotoConnectionError,
        HTTPClientError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
        Urllib3Error,
        ConnectionError,
        TimeoutError,
    ) as error:
        raise StoreUnavailable(
            f"The object store cannot be reached ({type(error).__name__}). "
            "Check the network and store.endpoint_url."
        ) from error
    except (
        CredentialRetrievalError,
        TokenRetrievalError,
        UnauthorizedSSOTokenError,
    ) as error:
        raise StoreUnavailable(
            "The credentials for the object store cannot be renewed. Sign in again."
        ) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise StoreError(
            "There are no complete credentials for the object store. Set store.access_key_id and "
            "store.secret_access_key, or AWS's own variables or profile.",
            code="no_credentials",
        ) from error
    except (NoRegionError, InvalidRegionError) as error:
        raise StoreError("Set store.region to the bucket's region.", code="no_region") from error
    except BotoCoreError as error:
        raise StoreError(
            f"The request to the object store is impossible ({type(error).__name__})."
        ) from error


def refusal_of(code: str, bucket: str) -> StoreError | StoreUnavailable:
    """The failure that an S3 error code means, where the code alone decides."""
    if code in _PASSING:
        return StoreUnavailable(f"The object store asks to try again later ({code}).")
    known = _SAME_AS.get(code, code)
    if known in _REMEDIES:
        return StoreError(_REMEDIES[known].format(bucket=bucket), code=_snake(known))
    # the server's own message may quote credentials, so only its code is shown
    return StoreError(f"The object store refused: {code[:64]}.")


def was_repeated(error: StoreError) -> bool:
    """Whether botocore had sent the refused request before, with no answer that it knows of."""
    cause = error.__cause__
    return (
        isinstance(cause, ClientError)
        and int(cause.response.get("ResponseMetadata", {}).get("RetryAttempts", 0)) > 0
    )


def _refusal(
    error: ClientError, bucket: str, key: str, *, conditional: bool
) -> StoreError | StoreUnavailable:
    code = str(error.response.get("Error", {}).get("Code", "unknown"))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _LOST_RACE or (conditional and code in _MISSING):
        return PreconditionFailed(key)
    if code in _MISSING:
        return ObjectNotFound(key)
    if status == _TOO_MANY or (status >= _SERVER_ERROR and status != _NOT_IMPLEMENTED):
        return StoreUnavailable(f"The object store fails at present ({status} {code[:64]}).")
    return refusal_of(code, bucket)


def _snake(code: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in code).lstrip("_")
