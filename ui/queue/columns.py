"""The columns of the queue: what each is called, sorted by and how wide it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Column(IntEnum):
    """The columns in their first order."""

    STATE = 0
    POSITION = 1
    JOB = 2
    OWNER = 3
    WORKFLOW = 4
    PROGRESS = 5
    ETA = 6
    TIME = 7
    ATTEMPTS = 8
    LAST = 9
    CREATED = 10


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """`sort` is a name of JobQuery.sort; `width_px` at 100 %; `right` aligns figures."""

    title: str
    sort: str
    width_px: int
    right: bool = False
    hidden: bool = False
    explained: str = ""


COLUMNS: Mapping[Column, ColumnSpec] = {
    Column.STATE: ColumnSpec("State", "status", 112),
    Column.POSITION: ColumnSpec("#", "queue_order", 54, right=True, explained="Place in the line"),
    Column.JOB: ColumnSpec("Job", "job_id", 84),
    Column.OWNER: ColumnSpec("Owner", "owner_id", 116),
    Column.WORKFLOW: ColumnSpec("Workflow", "workflow", 152),
    Column.PROGRESS: ColumnSpec("Progress", "progress", 240),
    Column.ETA: ColumnSpec("ETA", "eta_s", 80, right=True, explained="Time that is left"),
    Column.TIME: ColumnSpec("Time", "duration_s", 80, right=True, explained="Time that it took"),
    Column.ATTEMPTS: ColumnSpec("Attempt", "attempt", 88, right=True, hidden=True),
    Column.LAST: ColumnSpec("Last", "updated_at", 76, right=True, explained="Since its last event"),
    Column.CREATED: ColumnSpec("Created", "created_at", 96, right=True, hidden=True),
}

LEAST_PX = 40
PROGRESS_LEAST_PX, PROGRESS_USUAL_PX = 152, 210
WORKFLOW_LEAST_PX, WORKFLOW_MOST_PX = 104, 280
ROW_PX = 46
HEADER_PX = 30


def order_words(sort: str, *, descending: bool) -> str:
    """How the list is sorted: `Newest first`, `By Attempt ↓`."""
    column = next(column for column, spec in COLUMNS.items() if spec.sort == sort)
    if column is Column.CREATED:
        return "Newest first" if descending else "Oldest first"
    return f"By {COLUMNS[column].title} {'↓' if descending else '↑'}"


def workflow_width(room: int) -> int:
    """How much of the room for the workflow's and the progress's column the workflow takes.

    First the progress has what it cannot do without, then the workflow what it usually needs, then
    the progress as well, and of the rest the workflow has a third.
    """
    usual = COLUMNS[Column.WORKFLOW].width_px
    if room <= usual + PROGRESS_USUAL_PX:
        return min(usual, max(WORKFLOW_LEAST_PX, room - PROGRESS_LEAST_PX))
    return min(WORKFLOW_MOST_PX, usual + (room - usual - PROGRESS_USUAL_PX) // 3)
