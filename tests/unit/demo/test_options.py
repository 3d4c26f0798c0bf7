from __future__ import annotations

from pathlib import Path

import pytest

from jigdesk.demo.options import Fault, parse


def test_reads_the_command_line(tmp_path: Path) -> None:
    argv = ["main.py", "--port", "9000", "--base-directory", str(tmp_path)]
    options = parse([*argv, "--preview-method", "latent2rgb", "--cache-lru", "7"], {})
    assert (options.port, options.listen, options.previews) == (9000, "127.0.0.1", True)
    assert (options.base_directory, options.cache_lru) == (tmp_path, 7)
    assert options.argv[:3] == ("main.py", "--port", "9000")
    assert parse(argv, {}).previews is False


def test_the_environment_sets_what_tests_need() -> None:
    environ = {"JIGDESK_DEMO_STEP_S": "0.5", "JIGDESK_DEMO_FAULT": "oom"}
    options = parse(["main.py"], environ)
    assert (options.step_s, options.fault) == (0.5, Fault.OOM)
    assert parse(["main.py", "--fault", "hang"], environ).fault is Fault.HANG


@pytest.mark.parametrize(
    "wrong",
    [
        ["--port", "70000"],
        ["--step-seconds", "-1"],
        ["--step-seconds", "nan"],
        ["--fault", "fire"],
        ["--cache-lru", "-1"],
        ["--preview-method", "all"],
    ],
)
def test_refuses_nonsense(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["main.py", *wrong], {})
    assert ended.value.code == 2
