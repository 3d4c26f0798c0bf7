"""Figures of a desk where nothing happens."""

from __future__ import annotations

from ui.figures import Figures

FIGURES = Figures(
    counts={},
    today=0,
    positions={},
    running=0,
    waiting=0,
    refusals=(),
    paused=None,
    draining=None,
    next_slot_s=None,
    outbox=0,
    requests_last_hour=0,
    engine={"kind": "managed", "status": "ready", "connected": True, "version": "0.3.64"},
    public_url=None,
)
