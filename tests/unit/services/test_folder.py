"""A job's folder: nothing that a manifest names leads out of it."""

from pathlib import Path

import pytest

from jigdesk.services.folder import JobFolder

JOB = "7d1f0c3e-2b1a-4c55-9d3e-8a1b2c3d4ee2"


def test_paths_are_inside(tmp_path: Path) -> None:
    folder = JobFolder.of(tmp_path, JOB)
    folder.create()
    assert folder.input_path("set/photo.png") == tmp_path / JOB / "inputs" / "set" / "photo.png"
    assert folder.output_path("blur", "result.png").parent == tmp_path / JOB / "outputs" / "blur"


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\\..\\x", "", "con"])
def test_what_would_leave_is_refused(tmp_path: Path, name: str) -> None:
    folder = JobFolder.of(tmp_path, JOB)
    folder.create()
    with pytest.raises(ValueError, match="no safe path"):
        folder.input_path(name)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    folder = JobFolder.of(tmp_path / "jobs", JOB)
    folder.create()
    (tmp_path / "elsewhere").mkdir()
    (folder.inputs / "way").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="leaves"):
        folder.input_path("way/photo.png")


@pytest.mark.parametrize("job_id", ["../x", "", JOB.upper(), JOB + "/.."])
def test_only_a_job_id_names_a_folder(tmp_path: Path, job_id: str) -> None:
    with pytest.raises(ValueError, match="no job id"):
        JobFolder.of(tmp_path, job_id)
