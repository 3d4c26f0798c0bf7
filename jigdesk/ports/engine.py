"""The engine that runs prompts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from jigdesk.domain.engine import EngineEvent, EngineFile, Prompt
from jigdesk.ports.store import FileDigest


class Engine(Protocol):
    """ComfyUI, or the demo engine."""

    def run(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        """Run a prompt: adopt it, collect it, or post it, whichever fits; never twice.

        Yields in order, PromptPosted first and PromptSucceeded last. Raises JobError when the
        engine refused it, a node failed, memory ran out or it was interrupted (CANCELLED);
        EngineUnavailable when the engine went away or lost it. Closing the iterator leaves the
        prompt running on the engine.
        """

    async def cancel(self, prompt_id: str) -> None:
        """Delete it when pending, interrupt it when running, do nothing otherwise."""

    async def holds(self, prompt_id: str) -> bool:
        """Whether it waits or runs there; raises EngineUnavailable."""

    async def object_info(self) -> Mapping[str, Any]:
        """The node classes that the engine has; raises EngineUnavailable."""

    async def upload_input(self, path: Path, name: str) -> str:
        """Give the engine a file; returns the value for a Load node's input.

        `name` is content-addressed by the caller, so that equal files share one name.
        """

    async def download(self, file: EngineFile, path: Path, max_bytes: int) -> FileDigest:
        """Stream a result into `path` by way of a `.part` file.

        Raises ObjectNotFound when the engine has no such file (any more), DiskFull when there is no
        room for it here.
        """

    async def free(self) -> None:
        """Unload models and free memory between prompts."""
