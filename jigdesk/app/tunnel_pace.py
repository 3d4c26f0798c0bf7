"""When a public URL is looked at again, and when its agent is begun anew."""

from __future__ import annotations

from dataclasses import dataclass

from jigdesk.app.tunnel_proof import Finding, Verdict

_RENEW_AFTER = 2


@dataclass(frozen=True, slots=True)
class WatchTimes:
    """Every wait of the watch in seconds.

    ngrok's free plan counts requests, so that a good URL is looked at every `every_s` only; a
    bad one first after `again_s`, then twice that, up to `every_s`.
    """

    every_s: float = 900.0
    again_s: float = 15.0
    answer_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Step:
    """What to do after a look: begin the agent anew, and look again after `wait_s` seconds."""

    renew: bool
    wait_s: float


class Pace:
    """A pure decision: what is found goes in, the next step comes out.

    A new agent gets a new URL, and a URL that goes says nothing of the next: only a proof (or
    `fresh`) makes it begin again, so that renewals that do not help become as rare as looks at
    a good URL.
    """

    def __init__(self, times: WatchTimes) -> None:
        self._times = times
        self._wait_s = times.again_s
        self._unreachable = 0
        self._not_before_s: float | None = None

    def fresh(self) -> None:
        """It was proved, or the machine woke or changed its network: what was is of no matter."""
        self._wait_s = self._times.again_s
        self._unreachable = 0
        self._not_before_s = None

    def after(self, found: Finding, now_s: float) -> Step:
        """The step after a look that ended at `now_s` of a monotonic clock."""
        if found.verdict is Verdict.OURS:
            self.fresh()
            return Step(renew=False, wait_s=self._times.every_s)
        if found.is_limit:
            return Step(renew=False, wait_s=self._times.every_s)
        wait_s, self._wait_s = self._wait_s, min(2 * self._wait_s, self._times.every_s)
        self._unreachable += 1 if found.verdict is Verdict.UNREACHABLE else -self._unreachable
        renew = self._unreachable >= _RENEW_AFTER and (
            self._not_before_s is None or now_s >= self._not_before_s
        )
        if renew:
            self._unreachable = 0
            self._not_before_s = now_s + self._wait_s
        return Step(renew, wait_s)
