"""Waiting grows, is capped, and is never the same for everybody."""

import pytest

from jigdesk.domain.errors import StoreError, StoreUnavailable
from jigdesk.services import backoff


@pytest.mark.parametrize("tries", [1, 2, 5, 10, 1_000_000])
def test_the_wait_is_between_half_and_all_of_a_capped_exponential(tries: int) -> None:
    ceiling_s = min(backoff.CAP_S, backoff.BASE_S * 2.0 ** min(tries - 1, 30))
    waits = {backoff.backoff_s(tries) for _ in range(50)}
    assert all(ceiling_s / 2 <= wait <= ceiling_s for wait in waits)
    assert len(waits) > 1


async def test_what_may_work_later_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "BASE_S", 0.0)
    monkeypatch.setattr(backoff, "backoff_s", lambda _tries: 0.0)
    failures: list[str] = []
    calls = 0

    async def call() -> str:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise StoreUnavailable("not now")
        return "done"

    found = await backoff.until_it_works(call, on_failure=lambda f: failures.append(f.message))
    assert found == "done"
    assert failures == ["not now"] * 3


async def test_what_will_never_work_is_raised_at_once() -> None:
    async def call() -> None:
        raise StoreError("no such bucket")

    with pytest.raises(StoreError):
        await backoff.until_it_works(call)
