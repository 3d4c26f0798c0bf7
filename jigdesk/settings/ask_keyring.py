"""Talks to the OS keyring in a process of its own: `-m jigdesk.settings.ask_keyring VERB …`.

`ask SERVICE KEY…` prints a JSON object of the keys that it has; `works` prints whether there is
one; `keep SERVICE` reads a JSON object of secrets from standard input, null to take one out.
Ends with a traceback where it cannot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

import keyring


def ask(service: str, keys: list[str]) -> dict[str, str]:
    """The passwords that the keyring has; raises keyring.errors.KeyringError."""
    answers = {key: keyring.get_password(service, key) for key in keys}
    return {key: value for key, value in answers.items() if value is not None}


def works() -> bool:
    """Whether the backend keeps anything: keyring's own stand-ins have no priority."""
    return float(keyring.get_keyring().priority) > 0


def keep(service: str, secrets: Mapping[str, str | None]) -> None:
    """Write or take out these passwords; raises keyring.errors.KeyringError."""
    for key, secret in secrets.items():
        if secret is not None:
            keyring.set_password(service, key, secret)
        elif keyring.get_password(service, key) is not None:
            keyring.delete_password(service, key)


def main(verb: str, words: list[str]) -> None:
    """One verb of the command line."""
    match verb:
        case "ask":
            sys.stdout.write(json.dumps(ask(words[0], words[1:])))
        case "works":
            sys.stdout.write(json.dumps(works()))
        case "keep":
            keep(words[0], json.load(sys.stdin))
        case _:
            raise SystemExit(f"no such verb: {verb}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
