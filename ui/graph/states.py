"""What each node of a job does: from its stages' runs and its row. Without Qt."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from jigdesk.domain.changes import StageRun, StageState
from jigdesk.domain.job import Job, JobStatus
from ui.graph.layout import Layout, NodeKey

WAITING, RUNNING, DONE, CACHED, FAILED = "waiting", "running", "done", "cached", "failed"
NOT_RUN, STOPPED = "not run", "stopped"
"""Of a job that has ended: what it never came to, and what ran when it was cancelled."""

SHORTEST_S = 0.05
TEN_S = 10.0
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node's state, its seconds (None while unknown) and what it says by itself."""

    state: str
    seconds: float | None = None
    words: str = ""

    @property
    def line(self) -> str:
        """The card's second line."""
        if self.state == DONE and self.seconds is not None:
            return took(self.seconds)
        return self.words if self.state == RUNNING and self.words else self.state


def took(seconds: float) -> str:
    """`0.4 s`, `38 s`, `2:05`."""
    if seconds < SHORTEST_S:
        return "< 0.1 s"
    if seconds < TEN_S:
        return f"{seconds:.1f} s"
    if seconds < MINUTE_S:
        return f"{seconds:.0f} s"
    return f"{int(seconds // MINUTE_S)}:{int(seconds % MINUTE_S):02}"


def node_states(
    layout: Layout, job: Job, runs: Sequence[StageRun], seen: Collection[NodeKey] = ()
) -> Mapping[NodeKey, NodeState]:
    """The state of every card; `seen` are nodes that ran while somebody looked."""
    states: dict[NodeKey, NodeState] = {}
    by_stage = {run.stage: run for run in runs}
    for key in layout.cards:
        run = by_stage.get(key[0])
        states[key] = NodeState(WAITING) if run is None else _of_run(run, key[1])
    live = by_stage.get(job.stage or "")
    if live is not None and live.state is StageState.POSTING and job.attempt == live.attempt:
        _add_live(states, layout, job, live.stage, seen)
    failure = job.failure
    if failure is not None and failure.stage is not None and failure.node is not None:
        key = failure.stage, failure.node
        if key in states and job.status is JobStatus.FAILED:
            states[key] = NodeState(FAILED, words=failure.message)
            for before in layout.ancestors(key):
                if states[before].state == WAITING:
                    states[before] = NodeState(DONE)
    if job.status.is_final:
        for key, state in states.items():
            if state.state == WAITING:
                states[key] = NodeState(NOT_RUN)
    return states


def _of_run(run: StageRun, node: str) -> NodeState:
    known = run.nodes.get(node)
    if known is not None:
        seconds = known.get("seconds")
        return NodeState(str(known.get("state", DONE)), seconds)
    # a run that was taken over from an earlier life of the desk has no times
    return NodeState(DONE if run.state in (StageState.RAN, StageState.STORED) else WAITING)


def _add_live(
    states: dict[NodeKey, NodeState],
    layout: Layout,
    job: Job,
    stage: str,
    seen: Collection[NodeKey],
) -> None:
    running = (stage, job.node) if job.node is not None else None
    ended = {key for key in seen if key[0] == stage and key != running}
    if running is not None and running in layout.cards:
        ended |= layout.ancestors(running)
        if job.status is JobStatus.RUNNING:
            states[running] = NodeState(RUNNING, words=job.message)
        elif job.status is JobStatus.CANCELLED:
            states[running] = NodeState(STOPPED)
    for key in ended:
        if key in states and states[key].state == WAITING:
            states[key] = NodeState(DONE)
