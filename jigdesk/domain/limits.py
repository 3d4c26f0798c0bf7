"""What one visitor may ask of a host: per file, per owner and per address; 0 is always off."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from jigdesk.domain.errors import RequestError

MIB = 1024 * 1024
GIB = 1024 * MIB
MAX_FILES = 256
"""Files a job may bring, whatever the settings say."""


@dataclass(frozen=True, slots=True)
class Quota:
    """How much one owner, or one address, may have; 0 is off."""

    open_jobs: int = 0
    jobs_per_day: int = 0
    bytes_per_day: int = 0

    @property
    def is_on(self) -> bool:
        """Whether anything has to be counted."""
        return self.open_jobs > 0 or self.counts_days

    @property
    def counts_days(self) -> bool:
        """Whether jobs or bytes of the last 24 hours have to be counted."""
        return self.jobs_per_day > 0 or self.bytes_per_day > 0


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings' section `limits`; the default is off throughout."""

    owner: Quota = field(default_factory=Quota)
    address: Quota = field(default_factory=Quota)
    file_bytes: int = 0
    file_pixels: int = 0
    file_seconds: int = 0


PUBLIC = Limits(
    owner=Quota(open_jobs=50, jobs_per_day=500, bytes_per_day=20 * GIB),
    address=Quota(open_jobs=200, jobs_per_day=2_000, bytes_per_day=80 * GIB),
    file_bytes=2 * GIB,
    file_pixels=100_000_000,
    file_seconds=3_600,
)
"""What holds when jobs come from the internet and nobody said otherwise."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an owner or an address has: open jobs, and jobs and bytes of the last 24 hours."""

    open_jobs: int = 0
    jobs_per_day: int = 0
    bytes_per_day: int = 0


def check_files(limits: Limits, sizes_bytes: Sequence[int]) -> None:
    """Raise RequestError(413) when a job brings too many files or one that is too large."""
    if len(sizes_bytes) > MAX_FILES:
        raise RequestError(
            413, "too_many_files", f"A job may bring at most {MAX_FILES} files.", field="files"
        )
    for index, size_bytes in enumerate(sizes_bytes):
        if limits.file_bytes and size_bytes > limits.file_bytes:
            raise RequestError(
                413,
                "file_too_large",
                f"A file may have at most {limits.file_bytes} bytes, this one has {size_bytes}.",
                field=f"files[{index}].size_bytes",
            )


def check_quota(quota: Quota, usage: Usage, who: str) -> None:
    """Raise RequestError(429) when `usage`, the asked job included, is over `quota`.

    `who` names the counted one in the message: "You" or "Your network".
    """
    if quota.open_jobs and usage.open_jobs > quota.open_jobs:
        raise RequestError(
            429,
            "too_many_open_jobs",
            f"{who} may have {quota.open_jobs} unfinished jobs at a time.",
            retry_after_s=60,
        )
    if quota.jobs_per_day and usage.jobs_per_day > quota.jobs_per_day:
        raise RequestError(
            429,
            "too_many_jobs",
            f"{who} may start {quota.jobs_per_day} jobs in 24 hours.",
            retry_after_s=3600,
        )
    if quota.bytes_per_day and usage.bytes_per_day > quota.bytes_per_day:
        raise RequestError(
            429,
            "too_many_bytes",
            f"{who} may upload {quota.bytes_per_day} bytes in 24 hours.",
            retry_after_s=3600,
        )


def address_group(source: str) -> str:
    """The address that is counted: an IPv6 site has a whole /64, so that is one visitor.

    Anything that is no address counts as `unknown`, one visitor for all of them.
    """
    try:
        address = ipaddress.ip_address(source.strip())
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed, 64), strict=False).network_address)
    return str(address)
