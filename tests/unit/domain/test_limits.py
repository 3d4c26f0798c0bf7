from __future__ import annotations

import pytest

from jigdesk.domain.errors import RequestError
from jigdesk.domain.limits import Limits, Quota, Usage, address_group, check_files, check_quota


def test_zero_is_off() -> None:
    check_files(Limits(), [10**12])
    check_quota(Quota(), Usage(10**6, 10**6, 10**15), "You")
    assert not Quota().is_on


def test_the_file_that_is_too_large_is_named() -> None:
    limits = Limits(file_bytes=10)
    check_files(limits, [10, 10])
    with pytest.raises(RequestError) as failure:
        check_files(limits, [10, 11])
    assert (failure.value.status, failure.value.field) == (413, "files[1].size_bytes")


@pytest.mark.parametrize(
    ("usage", "code"),
    [
        (Usage(3, 0, 0), "too_many_open_jobs"),
        (Usage(0, 5, 0), "too_many_jobs"),
        (Usage(0, 0, 101), "too_many_bytes"),
    ],
)
def test_one_more_than_the_quota_is_refused(usage: Usage, code: str) -> None:
    quota = Quota(open_jobs=2, jobs_per_day=4, bytes_per_day=100)
    check_quota(quota, Usage(2, 4, 100), "You")
    with pytest.raises(RequestError) as failure:
        check_quota(quota, usage, "You")
    assert (failure.value.status, failure.value.code) == (429, code)
    assert failure.value.retry_after_s


@pytest.mark.parametrize(
    ("source", "group"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::1", "2001:db8:1:2::"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("", "unknown"),
        ("x" * 900, "unknown"),
    ],
)
def test_a_site_is_one_visitor(source: str, group: str) -> None:
    assert address_group(source) == group
