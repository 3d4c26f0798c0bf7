"""The palettes are those that were agreed, and words can be read on their ground."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from jigdesk.resources import assets_dir
from ui.theme.palette import (
    NAMES,
    PERCEIVABLE,
    READABLE,
    Palette,
    contrast,
    load_palettes,
)
from ui.theme.theme import style_sheet

GROUNDS = ("background", "panel", "raised", "accent_background")
PALETTES = load_palettes(assets_dir() / "theme.json")


@pytest.fixture(params=["dark", "light"])
def palette(request: pytest.FixtureRequest) -> Palette:
    return PALETTES[request.param]


def test_contrast_is_counted_as_wcag_counts_it() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("name", sorted(NAMES - {"background", "panel", "raised", "line"}))
def test_ink_can_be_read_on_every_ground(palette: Palette, name: str, ground: str) -> None:
    if name in ("accent_background", "faint"):
        return
    assert contrast(palette.ink(name, ground), palette.colour(ground)) >= READABLE


@pytest.mark.parametrize("ground", GROUNDS)
def test_faint_words_can_be_perceived(palette: Palette, ground: str) -> None:
    assert contrast(palette.ink("faint", ground), palette.colour(ground)) >= PERCEIVABLE


@pytest.mark.parametrize("name", ["ok", "warning", "error", "accent"])
@pytest.mark.parametrize("ground", GROUNDS)
def test_shapes_can_be_perceived(palette: Palette, name: str, ground: str) -> None:
    assert contrast(palette.colour(name), palette.colour(ground)) >= PERCEIVABLE


def test_a_colour_that_reads_badly_gives_way_to_the_text() -> None:
    light = PALETTES["light"]
    assert contrast(light.warning, light.panel) < READABLE
    assert light.ink("warning", "panel") == light.text
    assert PALETTES["dark"].ink("warning", "panel") == PALETTES["dark"].warning


def test_what_is_written_on_the_accent_can_be_read(palette: Palette) -> None:
    assert contrast(palette.on_accent, palette.accent) >= READABLE


def test_the_style_sheet_gives_words_readable_colours(palette: Palette) -> None:
    sheet = (assets_dir() / "theme.qss").read_text()
    assert not re.search(r"#[0-9a-fA-F]{6}\b", sheet), "a colour stands in the sheet itself"
    text = style_sheet(sheet, palette)
    assert "@" not in text
    for rule in re.findall(r"\{([^}]*)\}", text):
        ground = re.search(r"(?:^|;|\s)background: (#\w+)", rule)
        ink = re.search(r"(?:^|;|\s)color: (#\w+)", rule)
        if ground and ink and "disabled" not in rule and ink.group(1) != palette.faint:
            assert contrast(ink.group(1), ground.group(1)) >= READABLE, rule


def test_an_unknown_name_in_the_sheet_is_an_error(palette: Palette) -> None:
    with pytest.raises(KeyError):
        style_sheet("QWidget { color: @mauve; }", palette)


def test_only_the_theme_names_colours() -> None:
    ui = Path(__file__).parents[3] / "ui"
    for path in ui.rglob("*.py"):
        assert not re.search(r"[\"']#[0-9a-fA-F]{3,8}[\"']", path.read_text()), path
