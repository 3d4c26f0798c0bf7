"""The plots follow what is measured."""

from __future__ import annotations

from pytestqt.qtbot import QtBot

from tests.fakes.journal_thread import JournalThread
from tests.ui.host.test_measures import at
from tests.ui.jobs import NOW
from ui.bridge import Bridge
from ui.host.plots import Plots
from ui.theme.theme import Theme


def test_a_gpu_that_is_gone_leaves_no_plot_that_stands_still(
    qtbot: QtBot, journal_bridge: tuple[Bridge, JournalThread], theme: Theme
) -> None:
    plots = Plots(journal_bridge[0], theme, clock=lambda: NOW)
    qtbot.addWidget(plots)
    plots._show([at(1), at(0)])
    assert not plots.plots["GPU"].isHidden()
    plots._show([at(1), at(0, gpus=())])
    assert plots.plots["GPU"].isHidden()
    assert not plots.plots["CPU"].isHidden()
    plots._show([at(0, gpus=()), at(0)])
    assert not plots.plots["GPU"].isHidden()
