"""Every wait of the client, in one value: seconds unless the name says otherwise."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the client waits for what; the defaults fit a loaded GPU machine.

    `request_s` bounds one small HTTP call, `post_s` a POST /prompt (validation imports and
    hashes), `transfer_s` a whole upload or download, `transfer_idle_s` a pause within one.
    Frames are hints: after `reconcile_s` without one, HTTP is asked, and after a frame that
    says the prompt ends, already after `settle_s`. `lost_after_s` is how long a prompt must be
    absent from queue and history to be lost, `unreachable_s` how long HTTP may fail.
    """

    request_s: float = 30.0
    post_s: float = 60.0
    transfer_s: float = 3600.0
    transfer_idle_s: float = 60.0
    connect_s: float = 5.0
    socket_wait_s: float = 2.0
    reconcile_s: float = 5.0
    settle_s: float = 0.5
    lost_after_s: float = 3.0
    unreachable_s: float = 15.0
    stall_timeout_s: float = 600.0
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 10.0
    close_s: float = 2.0
    backoff_first_s: float = 0.2
    backoff_most_s: float = 5.0
