"""Opens the object store that the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager

from jigdesk.adapters.store.local import LocalStore
from jigdesk.adapters.store.signing import UrlSigner, open_secret
from jigdesk.adapters.store.threaded import ThreadedStore
from jigdesk.settings import Settings

URL_SECRET = "urls.key"  # noqa: S105 - a file's name


@asynccontextmanager
async def open_store(
    settings: Settings, base_url: Callable[[], str]
) -> AsyncIterator[tuple[ThreadedStore, LocalStore | None]]:
    """The store, and the local one below it when it is one (its URLs need a listener).

    `base_url` is the local listener's, asked when a URL is made. Raises SetupError.
    """
    chosen = settings.store
    local: LocalStore | None = None
    with ExitStack() as closing:
        if chosen.kind == "s3":
            # boto3 takes half a second to import, which a local store need not wait for
            from jigdesk.adapters.store.s3_client import open_s3  # noqa: PLC0415

            secret = chosen.secret_access_key
            blocking = open_s3(
                bucket=chosen.bucket,
                region=chosen.region,
                endpoint_url=chosen.endpoint_url,
                access_key_id=chosen.access_key_id,
                secret_access_key=None if secret is None else secret.get_secret_value(),
                public_base_url=chosen.public_base_url,
            )
            closing.callback(blocking.close)
            store = ThreadedStore(blocking, abort=blocking.abort)
        else:
            signer = UrlSigner(open_secret(settings.paths.state_dir / URL_SECRET))
            local = LocalStore(settings.paths.store_dir, chosen.bucket, signer, base_url)
            store = ThreadedStore(local)
        async with store:
            yield store, local
