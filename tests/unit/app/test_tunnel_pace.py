"""When a public URL is looked at again, and when its agent is begun anew."""

from __future__ import annotations

from itertools import pairwise

from jigdesk.app.tunnel_pace import Pace, Step, WatchTimes
from jigdesk.app.tunnel_proof import Finding, Verdict

OURS = Finding(Verdict.OURS, "reaches this desk")
STRANGER = Finding(Verdict.STRANGER, "somebody else answers there, with 200")
DEAD = Finding(Verdict.UNREACHABLE, "it answered with 502")
LIMIT = Finding(Verdict.UNREACHABLE, "used up", "Wait.", is_limit=True, is_lasting=True)


def test_a_good_url_is_looked_at_every_15_minutes() -> None:
    pace = Pace(WatchTimes())
    assert [pace.after(OURS, 0.0) for _ in range(3)] == [Step(renew=False, wait_s=900.0)] * 3


def test_renewals_that_do_not_help_become_as_rare_as_looks_at_a_good_url() -> None:
    pace, now_s, renewed_s, looks = Pace(WatchTimes()), 0.0, [], 0
    while now_s < 86_400:
        step = pace.after(DEAD, now_s)
        looks += 1
        if step.renew:
            renewed_s.append(now_s)
        # a new agent has its URL after 2 s, which is looked at at once
        now_s += 2.0 if step.renew else step.wait_s
    assert renewed_s[0] == 15.0
    gaps_s = [later - earlier for earlier, later in pairwise(renewed_s)]
    assert gaps_s == sorted(gaps_s)
    assert gaps_s[:3] == [62.0, 242.0, 902.0]
    assert 30 * looks < 20_000 / 3  # a month of it leaves the most of the free plan for webhooks


def test_looks_out_of_turn_do_not_renew_sooner() -> None:
    pace = Pace(WatchTimes())
    assert [pace.after(DEAD, 0.0).renew for _ in range(20)].count(True) == 1


def test_a_proof_or_a_wake_begins_again() -> None:
    pace = Pace(WatchTimes())
    for _ in range(10):
        pace.after(DEAD, 0.0)
    pace.after(OURS, 0.0)
    assert pace.after(DEAD, 0.0) == Step(renew=False, wait_s=15.0)
    assert pace.after(DEAD, 0.0) == Step(renew=True, wait_s=30.0)
    pace.fresh()
    assert pace.after(DEAD, 0.0) == Step(renew=False, wait_s=15.0)
    assert pace.after(DEAD, 0.0) == Step(renew=True, wait_s=30.0)


def test_a_quota_begins_nothing_anew() -> None:
    pace = Pace(WatchTimes())
    assert [pace.after(LIMIT, 1000.0 * n) for n in range(9)] == [Step(False, 900.0)] * 9


def test_a_stranger_is_no_reason_for_another_agent() -> None:
    pace = Pace(WatchTimes())
    assert not any(pace.after(found, 0.0).renew for found in (DEAD, STRANGER, DEAD, STRANGER))
