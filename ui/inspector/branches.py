"""What the inspected job branches from, what branches from it, and where one may begin."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from jigdesk.app.branching import NOTHING_STORED, not_yours
from jigdesk.app.job_story import JobStory
from jigdesk.domain.changes import Kin, StageState
from jigdesk.domain.job import JobStatus
from ui.bridge import Bridge
from ui.inbox import Batch
from ui.inspector.header import Header
from ui.inspector.overview import Overview
from ui.reader import Reader

MOST_SEEN = 2_000
_UNPLANNED = frozenset({JobStatus.ACCEPTED, JobStatus.PREPARING})


class Branches(QObject):
    """Keeps the family in the overview fresh, and the places from which to branch.

    `asked(job_id, stage)` asks for a branch, the stage empty for whichever; `job_asked(job_id)`
    for another job of the family.
    """

    asked = Signal(str, str)
    job_asked = Signal(str)

    def __init__(
        self, bridge: Bridge, header: Header, overview: Overview, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._header = header
        self._overview = overview
        self._own_owner: str | None = None
        self._story: JobStory | None = None
        self._job_id: str | None = None
        self._kin: frozenset[str] = frozenset()
        self._seen: dict[str, JobStatus] = {}
        # a failure is not told: the job itself says what the journal's trouble is
        self._reader: Reader[str, Sequence[Kin]] = Reader(bridge, self._read_done)
        bridge.arrived.connect(self._arrived)
        header.branch_asked.connect(lambda: self._ask(""))
        overview.graph.branch_asked.connect(self._ask)
        overview.family.opened.connect(self.job_asked)

    def own_jobs_are(self, owner_id: str) -> None:
        """The owner of this host's own jobs: only those can be branched from here."""
        self._own_owner = owner_id
        self._show()

    def look_at(self, job_id: str | None) -> None:
        """Another job is looked at; None for none."""
        self._job_id, self._story, self._kin = job_id, None, frozenset()
        self._read()

    def show_story(self, story: JobStory) -> None:
        """What is known of the job now."""
        self._story = story
        self._show()

    def _show(self) -> None:
        story = self._story
        if story is None:
            return
        stored = [run.stage for run in story.runs if run.state is StageState.STORED and run.files]
        owner = story.job.owner_id
        is_own = owner is not None and owner == self._own_owner
        why_not = "" if is_own else not_yours(owner)
        self._overview.graph.show_stored(stored, why_not)
        self._header.show_branch(why_not or ("" if stored else NOTHING_STORED))

    def _ask(self, stage: str) -> None:
        if self._job_id is not None:
            self.asked.emit(self._job_id, stage)

    def _arrived(self, batch: Batch) -> None:
        moved = [job for job in batch.jobs if self._seen.get(job.job_id) is not job.status]
        if len(self._seen) > MOST_SEEN:
            self._seen.clear()
        self._seen.update((job.job_id, job.status) for job in moved)
        # a branch is known as such once it is planned: by then it is no longer being prepared
        news = any(job.status not in _UNPLANNED or job.job_id in self._kin for job in moved)
        if news or batch.missed:
            self._read()

    def _read(self) -> None:
        job_id = self._job_id
        if job_id is not None:
            self._reader.read(job_id, lambda core: core.journal.family(job_id))

    def _read_done(self, job_id: str, family: Sequence[Kin]) -> None:
        if job_id == self._job_id:
            self._kin = frozenset(kin.job_id for kin in family)
            self._overview.show_family(family, job_id)
