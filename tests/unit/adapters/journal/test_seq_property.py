"""Whatever happens to a job, its seqs grow and its row carries the newest."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from jigdesk.adapters.journal.journal import SqliteJournal
from jigdesk.domain.changes import Arrival, Change, OutboxDraft, OutboxKind
from jigdesk.domain.events import INPUTS, NEW_FILES, PROGRESS, Event, EventDraft
from jigdesk.domain.job import IllegalMove, JobStatus

ID = "7d1f0c3e-0000-4000-8000-0000000000e2"
PUBLISH = (OutboxDraft(OutboxKind.PUBLISH), OutboxDraft(OutboxKind.STATUS))

drafts = st.one_of(
    st.builds(
        lambda stage, status: EventDraft(PROGRESS, {"stage": stage, "status": status}),
        st.sampled_from(["a", "b", None]),
        st.sampled_from(["running", "uploading"]),
    ),
    st.sampled_from([EventDraft(INPUTS, {}), EventDraft(NEW_FILES, {"stage": "a"})]),
)
changes = st.builds(
    Change,
    to=st.one_of(st.none(), st.sampled_from(JobStatus)),
    events=st.lists(drafts, max_size=3).map(tuple),
    outbox=st.sampled_from([(), PUBLISH]),
    durable=st.booleans(),
    new_attempt=st.booleans(),
)
steps = st.lists(
    st.one_of(changes, drafts, st.sampled_from(["accept", "reopen"])), min_size=1, max_size=25
)


@settings(max_examples=40, deadline=None)
@given(steps)
def test_seq_grows_strictly_through_changes_refusals_and_restarts(
    steps: list[Change | EventDraft | str],
) -> None:
    asyncio.run(play(steps))


async def play(steps: list[Change | EventDraft | str]) -> None:
    heard: list[Event] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "j.db"
        rest = list(steps)
        while rest:
            async with SqliteJournal.open(path) as journal:
                journal.subscribe(lambda events, _: heard.extend(events))
                while rest and (step := rest.pop(0)) != "reopen":
                    await play_one(journal, step)
                    job = await journal.job(ID)
                    newest = heard[-1].seq if heard else 0
                    assert await journal.last_seq(ID) == newest
                    assert job is None or job.seq == newest
        seqs = [event.seq for event in heard]
        assert seqs == list(range(1, len(seqs) + 1))


async def play_one(journal: SqliteJournal, step: Change | EventDraft | str) -> None:
    if isinstance(step, EventDraft):
        await journal.record_event(ID, step)
    elif isinstance(step, str):
        await journal.accept(Arrival(ID, "b", None), Change(events=(EventDraft("x", {}),)))
    else:
        try:
            await journal.apply(ID, step)
        except (IllegalMove, KeyError):
            return  # refused as a whole: no seq was used
