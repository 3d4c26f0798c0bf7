"""What commands print: tables for people, plain lines for pipes, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_CONTROL = {code: None for code in (*range(32), 127, *range(128, 160)) if code not in (9, 10)}


def clean(text: object) -> str:
    """A text from elsewhere without control characters, so that it cannot steer a terminal."""
    return str(text).translate(_CONTROL)


def out() -> Console:
    """Standard output as it is now; plain where it is no terminal."""
    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def err() -> Console:
    """Standard error as it is now."""
    return Console(file=sys.stderr, highlight=False, soft_wrap=True)


def say(text: str, style: str | None = None) -> None:
    """Print one line of text, as it is."""
    out().print(clean(text), style=style, markup=False)


def complain(text: str) -> None:
    """Print one message on standard error."""
    err().print(clean(text), style="red", markup=False)


def print_json(value: Any) -> None:
    """Print one JSON document, indented."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on a terminal, and tab-separated lines without a head in a pipe."""
    console = out()
    if not console.is_terminal:
        for row in rows:
            line = "\t".join(_cell(value).replace("\t", " ") for value in row)
            sys.stdout.write(line.replace("\n", " ") + "\n")
        return
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row))
    console.print(table, soft_wrap=False)


def print_fields(values: Mapping[str, object]) -> None:
    """Print names and values, one pair a line; None values are left out."""
    rows = [(name, value) for name, value in values.items() if value is not None]
    print_rows(("", ""), rows)


def percent(progress: object) -> str:
    """A progress of 0 to 1 as whole percent; empty when unknown."""
    return f"{float(progress):.0%}" if isinstance(progress, int | float) else ""


def size(size_bytes: int) -> str:
    """A number of bytes for people."""
    value = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:  # noqa: PLR2004 - a KiB
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"


def _cell(value: object) -> str:
    return "" if value is None else clean(value)
