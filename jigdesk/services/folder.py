"""A job's folder on this machine: `jobs/{job_id}/{inputs,work,outputs}`."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from jigdesk.domain.ids import is_job_id, is_stage_name
from jigdesk.domain.keys import is_safe_path


@dataclass(frozen=True, slots=True)
class JobFolder:
    """Paths of one job; every path is built from checked parts and stays inside."""

    root: Path

    @classmethod
    def of(cls, jobs_dir: Path, job_id: str) -> JobFolder:
        """The folder of a job; raises ValueError for what is no job id."""
        if not is_job_id(job_id):
            raise ValueError(f"{job_id!r} is no job id")
        return cls(jobs_dir / job_id)

    @property
    def inputs(self) -> Path:
        """Downloaded media."""
        return self.root / "inputs"

    @property
    def outputs(self) -> Path:
        """Results, a folder a stage."""
        return self.root / "outputs"

    def input_path(self, path: str) -> Path:
        """Where an input lies; raises ValueError for a path that would leave the folder."""
        return _inside(self.inputs, path)

    def output_path(self, stage: str, file: str) -> Path:
        """Where a result lies."""
        if not is_stage_name(stage):
            raise ValueError(f"{stage!r} is no stage name")
        return _inside(self.outputs / stage, file)

    def parent_path(self, stage: str, file: str) -> Path:
        """Where a result of the job that this one branches from lies."""
        if not is_stage_name(stage):
            raise ValueError(f"{stage!r} is no stage name")
        return _inside(self.root / "parent" / stage, file)

    def thumb_path(self, stage: str, file: str) -> Path:
        """Where the small picture of a result lies."""
        if not is_stage_name(stage):
            raise ValueError(f"{stage!r} is no stage name")
        return _inside(self.root / "thumbs" / stage, file)

    def create(self) -> None:
        """Make the folders. Blocks."""
        for folder in (self.inputs, self.outputs):
            folder.mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Delete everything. Blocks; a missing folder is no error."""
        shutil.rmtree(self.root, ignore_errors=True)


def _inside(base: Path, path: str) -> Path:
    if not is_safe_path(path):
        raise ValueError(f"{path!r} is no safe path")
    target = base.joinpath(*path.split("/"))
    if not target.resolve().is_relative_to(base.resolve()):
        raise ValueError(f"{path!r} leaves {base}")
    return target
