"""Where the data that ships lies: beside the code in a checkout, inside the package in a wheel."""

from __future__ import annotations

from pathlib import Path

from jigdesk.domain.errors import SetupError

_PACKAGE = Path(__file__).resolve().parent


def workflows_dir() -> Path:
    """The folder of the templates that ship; raises SetupError when it is missing."""
    return _data_dir("workflows")


def assets_dir() -> Path:
    """The folder of icons, theme and the job dock page; raises SetupError when it is missing."""
    return _data_dir("assets")


def _data_dir(name: str) -> Path:
    packed, checkout = _PACKAGE / "_data" / name, _PACKAGE.parent / name
    for path in (packed, checkout):
        if path.is_dir():
            return path
    raise SetupError(f"The folder {name!r} that ships with JigDesk is missing; install it again.")
