"""What holds the queue back and keeps the machine awake, as the settings say."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from jigdesk.adapters.power.choice import sleep_lock
from jigdesk.adapters.resources.programs import NamedPrograms
from jigdesk.app.health import Health
from jigdesk.app.metrics import DeskMetrics
from jigdesk.domain.check import Check
from jigdesk.domain.clock import utc_now
from jigdesk.domain.quiet_hours import QuietHours
from jigdesk.ports import Engine
from jigdesk.services.awake import KeepAwake
from jigdesk.services.queue import JobQueue
from jigdesk.services.quiet import QuietTimes
from jigdesk.services.yielding import Yielding
from jigdesk.settings import QueueSettings

NEVER = Check("sleep", "ok", "The machine may fall asleep (queue.keep_awake = never).")


@dataclass(frozen=True, slots=True)
class QueueControls:
    """Each is None where the settings do not ask for it. Lives on the core's loop."""

    quiet: QuietTimes | None
    yielding: Yielding | None
    awake: KeepAwake | None

    async def look(self) -> None:
        """Hold the queue, where that is due, before it starts a job."""
        if self.quiet is not None:
            self.quiet.look()
        if self.yielding is not None:
            await self.yielding.look()

    def tasks(self) -> Sequence[tuple[str, Coroutine[Any, Any, None]]]:
        """What has to run beside the queue, by name."""
        parts = {"quiet hours": self.quiet, "yielding": self.yielding, "awake": self.awake}
        return [(name, part.run()) for name, part in parts.items() if part is not None]

    def follow(self, health: Health, metrics: DeskMetrics) -> None:
        """Show whether the machine is kept awake; the queue shows by itself what holds it."""
        awake = self.awake
        health.add("sleep", _never if awake is None else awake.check)
        metrics.follow_sleep(lambda: awake is not None and awake.held)


def build_queue_controls(chosen: QueueSettings, queue: JobQueue, engine: Engine) -> QueueControls:
    """Wire them; nothing looks yet."""
    quiet = yielding = awake = None
    if chosen.quiet_hours:
        quiet = QuietTimes(queue, QuietHours.parse(chosen.quiet_hours), utc_now)
    if chosen.yield_to:
        free = engine.free if chosen.yield_frees_memory else None
        yielding = Yielding(queue, NamedPrograms(chosen.yield_to).look, free)
    if chosen.keep_awake != "never":
        awake = KeepAwake(queue, sleep_lock(), chosen.keep_awake)
    return QueueControls(quiet, yielding, awake)


async def try_to_keep_awake(chosen: QueueSettings) -> Check:
    """Whether it could be done, for a home whose desk does not run."""
    if chosen.keep_awake == "never":
        return NEVER
    lock = sleep_lock()
    try:
        state = await lock.hold("JigDesk looks whether it can")
    finally:
        await lock.release()
    if state.held:
        return Check("sleep", "ok", "The machine can be kept awake while there is work.")
    return Check("sleep", "ok", f"The machine cannot be kept awake: {state.says}")


async def _never() -> Check:
    return NEVER
