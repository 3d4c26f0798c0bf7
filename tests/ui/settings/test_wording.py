"""How the page names keys and says numbers."""

from __future__ import annotations

import pytest

from jigdesk.settings.fields import fields
from jigdesk.settings.problems import Problem
from ui.settings.wording import echo, help_of, hint_of, problem_words, title_of


@pytest.mark.parametrize(
    ("unit", "text", "said"),
    [
        ("seconds", "3600", "1 h"),
        ("seconds", "600", "10 min"),
        ("seconds", "90", ""),
        ("bytes", "10737418240", "10.7 GB"),
        ("pixels", "100000000", "100 megapixels"),
        ("bytes", "many", ""),
        ("seconds", "nan", ""),
        ("seconds", "inf", ""),
        ("", "3600", ""),
    ],
)
def test_large_numbers_in_words(unit: str, text: str, said: str) -> None:
    assert echo(unit, text) == said


def test_names_and_help() -> None:
    assert title_of(fields()["store.url_ttl_s"]) == "URL lifetime"
    assert title_of(fields()["queue.max_depth"]) == "Max depth"
    assert title_of(fields()["tunnel.ngrok_path"]) == "ngrok path"
    assert hint_of(fields()["server.public_port"]) == "From 0 up to 65,535"
    assert hint_of(fields()["store.bucket"]) == ""
    assert "“local”" in help_of(fields()["store.kind"])
    assert all(title_of(entry) and entry.description for entry in fields().values())


def test_a_secret_s_problem_leaves_out_where_else_it_may_stand() -> None:
    problem = Problem("publisher.secret", "is needed: run `jigdesk config set publisher.secret`")
    assert problem_words(problem) == "Secret is needed"
    assert (
        problem_words(Problem("store.bukket", "is no setting.")) == "store.bukket: is no setting."
    )


def test_a_problem_writes_large_numbers_as_the_hint_does_and_what_was_typed_as_it_is() -> None:
    wrong = Problem(
        "queue.max_depth", "must be a whole number from 1 up to 1000000; 20000000 is not"
    )
    assert problem_words(wrong).endswith("from 1 up to 1,000,000; 20000000 is not")
    assert "1,000,000" in hint_of(fields()["queue.max_depth"])
