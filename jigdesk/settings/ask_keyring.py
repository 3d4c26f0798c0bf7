"""Asks the OS keyring in a process of its own: `-m jigdesk.settings.ask_keyring SERVICE KEY…`.

Prints a JSON object of the keys that it has. Ends with a traceback where there is no backend.
"""

from __future__ import annotations

import json
import sys

import keyring


def ask(service: str, keys: list[str]) -> dict[str, str]:
    """The passwords that the keyring has; raises keyring.errors.KeyringError."""
    answers = {key: keyring.get_password(service, key) for key in keys}
    return {key: value for key, value in answers.items() if value is not None}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(ask(sys.argv[1], sys.argv[2:])))
