"""What a child process gets of the desk's environment."""

from __future__ import annotations

from jigdesk.adapters.process.environment import for_children

ENV = {
    "PATH": "/bin",
    "HF_TOKEN": "of the owner's own nodes",
    "JIGDESK_STORE__SECRET_ACCESS_KEY": "secret",
    "JIGDESK_HOME": "/home/me/desk",
    "jigdesk_tunnel__authtoken": "secret, as Windows allows it",
    "CREDENTIALS_DIRECTORY": "/run/user/1000/credentials/jigdesk.service",
    "JIGDESK_DEMO_STEP_S": "1",
}


def test_what_is_the_desks_own_stays_with_it() -> None:
    assert for_children(ENV).keys() == {"PATH", "HF_TOKEN"}


def test_what_a_child_reads_is_kept_by_name() -> None:
    kept = for_children(ENV, keep=["JIGDESK_DEMO_STEP_S", "JIGDESK_NOT_SET"])
    assert kept.keys() == {"PATH", "HF_TOKEN", "JIGDESK_DEMO_STEP_S"}
