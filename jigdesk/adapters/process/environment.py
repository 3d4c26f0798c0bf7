"""What a child process gets of our environment: all but what is the desk's own business."""

from __future__ import annotations

from collections.abc import Collection, Mapping

_OURS = "JIGDESK_"
_CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Where systemd put our credentials, as files that any process of the same user can read."""


def for_children(env: Mapping[str, str], keep: Collection[str] = ()) -> dict[str, str]:
    """The environment without our settings, among which secrets are, and without credentials.

    The engine runs custom nodes of many authors, and whatever it starts inherits the rest.
    `keep` names variables of ours that the child reads.
    """
    return {name: value for name, value in env.items() if name in keep or not _is_ours(name)}


def _is_ours(name: str) -> bool:
    upper = name.upper()  # names on Windows are of either case
    return upper.startswith(_OURS) or upper == _CREDENTIALS
