"""How the settings page names and explains things, without Qt."""

from __future__ import annotations

import re
from pathlib import PurePath

from jigdesk.settings.draft import Source, Stand
from jigdesk.settings.fields import SettingField, fields
from jigdesk.settings.kinds import Kind, shape_of
from jigdesk.settings.problems import Problem
from ui.words import size

_WRITTEN = {
    "api": "API",
    "args": "arguments",
    "comfyui": "ComfyUI",
    "dir": "folder",
    "dirs": "folders",
    "id": "ID",
    "jwt": "JWT",
    "ngrok": "ngrok",
    "python": "Python",
    "ssl": "SSL",
    "supabase": "Supabase",
    "ttl": "lifetime",
    "url": "URL",
}
_UNIT_SUFFIX = "s"
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_WORTH_SAYING_S = 120
_WORTH_SAYING_BYTES = 100_000
_MEGA = 1_000_000


def title_of(entry: SettingField) -> str:
    """`max_depth` as `Max depth`; a unit at the end is said beside the value."""
    words = entry.name.split("_")
    if len(words) > 1 and words[-1] == _UNIT_SUFFIX:
        words.pop()
    return _sentence(words)


def section_title(name: str) -> str:
    """A section's name as a heading; the keys at the top of the file have none of their own."""
    return _sentence(name.split("_")) if name else "Secrets"


def _sentence(words: list[str]) -> str:
    text = " ".join(_WRITTEN.get(word, word) for word in words)
    return text if words[0] == "ngrok" else text[:1].upper() + text[1:]


def help_of(entry: SettingField) -> str:
    """The model's description with its code marks as quotes."""
    pieces = entry.description.split("`")
    return "".join(f"“{piece}”" if number % 2 else piece for number, piece in enumerate(pieces))


def hint_of(entry: SettingField) -> str:
    """What is allowed, said before anything is wrong; empty where it says nothing."""
    shape = shape_of(entry)
    if shape.is_list or shape.kind not in (Kind.INTEGER, Kind.NUMBER):
        return ""
    words = entry.allowed.removeprefix("a whole number").removeprefix("a number").strip()
    words = _grouped(words)
    return words[:1].upper() + words[1:]


def _grouped(words: str) -> str:
    """Large numbers as the window writes them: `1,000,000`."""
    return re.sub(r"(?<![\w.])\d{4,}(?![\w.]*\w)", lambda digits: f"{int(digits.group()):,}", words)


def placeholder_of(entry: SettingField) -> str:
    """What an empty field asks for."""
    return "Not set" if entry.allowed.startswith("a text") else f"Not set: {entry.allowed}"


def echo(unit: str, text: str) -> str:
    """A large number said for people: `10 min`, `536.9 MB`; empty where it says nothing new."""
    try:
        number = float(text)
    except ValueError:
        return ""
    if not 0 < number < 2**63:
        return ""
    match unit:
        case "bytes" if number >= _WORTH_SAYING_BYTES:
            return size(int(number))
        case "pixels" if number >= _MEGA:
            return f"{number / _MEGA:g} megapixels"
        case "seconds" if number >= _WORTH_SAYING_S:
            return _span(number)
        case _:
            return ""


def _span(seconds: float) -> str:
    for unit_s, word in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if seconds >= unit_s:
            return f"{seconds / unit_s:.3g} {word}"
    return ""


def source_words(stand: Stand) -> str:
    """Where a value stands, and why it cannot be changed where that is so."""
    match stand.source:
        case Source.DEFAULT:
            return "Default"
        case Source.ENVIRONMENT:
            return f"Set by the environment variable {stand.where}, which wins over this form"
        case Source.COMMAND_LINE:
            return "Set by the command line of this start, which wins over this form"
        case Source.CREDENTIAL:
            return "Set by a systemd credential, which wins over this form"
        case Source.FILE:
            return f"file {PurePath(stand.where).name}"
        case _:
            return stand.source.value


def problem_words(problem: Problem) -> str:
    """A problem at its field, beginning with the field's title."""
    entry = fields().get(problem.key)
    if entry is None:
        return str(problem)
    allowed, mark, given = problem.message.partition(";")  # what was typed stays as it is
    message = f"{_grouped(allowed)}{mark}{given}"
    if entry.secret:  # the field itself is the place to put it
        message = message.partition(": run `")[0]
    return f"{title_of(entry)} {message}"


def matches(entry: SettingField, section: str, wanted: str) -> bool:
    """Whether every word that is searched for is in what the page says of a key."""
    text = " ".join(
        (title_of(entry), entry.key, entry.env, entry.description, section_title(section), section)
    ).casefold()
    return all(word in text for word in wanted.casefold().split())
