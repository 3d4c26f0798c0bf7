"""The dock's colours are the window's: both come from assets/theme.json."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ASSETS = Path(__file__).parents[2] / "assets"
DOCK = ASSETS / "dock"
ON_ACCENT = "on-accent"


def variables(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", css))


def themes() -> dict[str, dict[str, str]]:
    css = (DOCK / "palette.css").read_text(encoding="utf-8")
    light, _, dark = css.partition("@media (prefers-color-scheme: dark)")
    return {"light": variables(light), "dark": variables(dark)}


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_is_the_themes(theme: str) -> None:
    palette = json.loads((ASSETS / "theme.json").read_text(encoding="utf-8"))[theme]
    wanted = {name.replace("_", "-"): colour for name, colour in palette.items()}
    found = themes()[theme]
    assert {name: found[name] for name in found if name != ON_ACCENT} == wanted


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "grounds"),
    [
        ("text", ("background", "panel", "raised", "accent-background")),
        ("muted", ("background", "panel", "raised")),
        ("accent", ("panel", "raised")),
        ("error", ("panel",)),
        (ON_ACCENT, ("accent",)),
    ],
)
def test_words_can_be_read(theme: str, ink: str, grounds: tuple[str, ...]) -> None:
    colours = themes()[theme]
    for ground in grounds:
        assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_shapes_can_be_told_from_the_panel(theme: str) -> None:
    colours = themes()[theme]
    for ink in ("ok", "warning", "error", "accent", "muted"):
        assert contrast(colours[ink], colours["panel"]) >= 3, ink


def test_no_other_style_names_a_colour_of_its_own() -> None:
    for sheet in ("base.css", "dock.css"):
        named = re.findall(r"#[0-9a-fA-F]{3,8}\b", (DOCK / sheet).read_text(encoding="utf-8"))
        # the handle between two pictures lies on pictures, whatever the theme
        assert set(named) <= {"#fff"}, sheet


def test_every_icon_is_there() -> None:
    css = (DOCK / "base.css").read_text(encoding="utf-8")
    page = (ASSETS / "dock.html").read_text(encoding="utf-8")
    paths = re.findall(r'"/dock/([^"]+\.svg)"', css + page)
    assert len(paths) > 10
    assert [path for path in paths if not (ASSETS / path).is_file()] == []


def test_every_icon_that_is_asked_for_has_a_rule() -> None:
    css = (DOCK / "base.css").read_text(encoding="utf-8")
    ruled = set(re.findall(r"\.icon-([a-z]+) ", css))
    code = "".join(path.read_text(encoding="utf-8") for path in DOCK.glob("*.js"))
    asked = set(re.findall(r"icon\('([a-z]+)'\)|icon: '([a-z]+)'", code))
    assert {one or other for one, other in asked} <= ruled


def test_scripts_parse_no_html_and_run_no_text() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|"
        r"createContextualFragment|DOMParser"
    )
    for path in DOCK.glob("*.js"):
        assert forbidden.search(path.read_text(encoding="utf-8")) is None, path.name


def test_the_page_has_no_inline_script_or_handler() -> None:
    page = (ASSETS / "dock.html").read_text(encoding="utf-8")
    assert re.search(r"<script(?![^>]*\bsrc=)", page) is None
    assert re.search(r"\son[a-z]+\s*=", page) is None
    assert re.search(r"\sstyle\s*=|<style", page) is None
