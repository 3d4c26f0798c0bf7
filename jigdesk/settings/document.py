"""docs/settings.md, from the settings' model: `python -m jigdesk.settings.document FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from jigdesk.settings.edit import toml_literal
from jigdesk.settings.fields import SettingField, fields, sections
from jigdesk.settings.secrets import KEYRING_TIMEOUT_S

_HEAD = f"""\
# Settings

<!-- Written by `make docs` from jigdesk/settings/model.py; a test compares the two. -->

`jigdesk config init` writes a `config.toml` with every key as a comment, `jigdesk config path`
says where it is, `jigdesk config show` what is in force. Each source wins over those below it:

1. environment variables `JIGDESK_<SECTION>__<KEY>`, such as `JIGDESK_STORE__BUCKET`; lists as JSON;
   an empty variable counts as not set
2. for secrets: systemd credentials, then files, then the OS keyring (below)
3. `config.toml` in the user's config folder; relative paths in it count from its folder
4. the defaults

`JIGDESK_HOME` moves config, state, jobs, local store, logs and secrets under one folder.
All bad values are reported at once, each with its key, where it stands and what is allowed.

## Secrets

A secret never stands in `config.toml`: found there, it is an error. It comes from its environment
variable, from the systemd credential `section__key`, from a file `section__key` of mode 0600 in
`secrets_dir`, or from the OS keyring (service `jigdesk`, user `section.key`). The keyring is asked
only for a secret that is used and stands nowhere else, for {KEYRING_TIMEOUT_S:g} seconds at most.
`jigdesk config set publisher.secret` asks for one (or reads standard input) and keeps it in a file.
"""


def settings_markdown() -> str:
    """The whole page."""
    parts = [_HEAD, "## At the top of the file\n", _table([fields()["secrets_dir"]])]
    for section in sections():
        parts += [f"## `[{section.name}]`\n", section.description + "\n", _table(section.fields)]
    return "\n".join(parts)


def _table(entries: list[SettingField] | tuple[SettingField, ...]) -> str:
    rows = ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for entry in entries:
        name = f"`{entry.name}`" + (" (secret)" if entry.secret else "")
        cells = (name, _default(entry), entry.allowed, entry.description)
        rows.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _default(entry: SettingField) -> str:
    if entry.default is None:
        return ""
    hosted = entry.hosted_default
    also = "" if hosted is None else f"; `{hosted}` with `s3`"
    return f"`{toml_literal(entry.default)}`{also}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(settings_markdown(), encoding="utf-8")
