"""The workflows as they are now, for the services and the jobs API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jigdesk.adapters.workflows.catalogue import Catalogue, load_catalogue
from jigdesk.domain.template import Template
from jigdesk.resources import workflows_dir

log = logging.getLogger(__name__)


class LiveTemplates:
    """Implements `services.prepare.Templates`. Reading is safe from any thread."""

    def __init__(self, dirs: Sequence[Path]) -> None:
        self._dirs = (workflows_dir(), *dirs)
        self._catalogue = Catalogue({}, {})

    async def load(self) -> None:
        """Read every folder; what is broken is logged and stops nothing else."""
        self._catalogue = await asyncio.to_thread(load_catalogue, self._dirs)
        for error in self._catalogue.broken.values():
            log.error("%s", error.message)
        for problem in self._catalogue.problems:
            log.error("workflows: %s: %s", problem.file, problem.message)
        for template in self._catalogue.templates.values():
            for warning in template.warnings:
                log.warning(
                    "workflow %s, %s %s: %s",
                    template.name,
                    warning.file,
                    warning.field,
                    warning.message,
                )

    @property
    def catalogue(self) -> Catalogue:
        """What was read last."""
        return self._catalogue

    @property
    def available(self) -> Mapping[str, Template]:
        """Those that can run, by name."""
        return self._catalogue.templates

    @property
    def unavailable(self) -> Mapping[str, str]:
        """Those that cannot, by name, with the reason."""
        return dict.fromkeys(self._catalogue.broken, "its template on the host is broken.")

    def described(self) -> Sequence[Mapping[str, Any]]:
        """What `GET /api/workflows` lists, by name."""
        return [template.describe() for _, template in sorted(self.available.items())]
