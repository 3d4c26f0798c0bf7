"""The workflows as they are now, for the services and the jobs API."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jigdesk.adapters.comfyui.client import ComfyEngine
from jigdesk.adapters.workflows.catalogue import Catalogue, load_catalogue
from jigdesk.adapters.workflows.watch import watching
from jigdesk.app.offered import Descriptions, Offered
from jigdesk.domain.check import Check
from jigdesk.domain.errors import EngineError, EngineUnavailable
from jigdesk.domain.live_check import LiveVerdict, check_live
from jigdesk.domain.template import Template
from jigdesk.resources import workflows_dir

log = logging.getLogger(__name__)

LOOK_AGAIN_S = 60.0
"""How often the engine is asked again while a template lacks a model, which may be added."""

_BROKEN = "its template on the host is broken."
_NOT_YET = "the engine has not told yet which files it has."


@dataclass(frozen=True, slots=True)
class _View:
    """One consistent answer; replaced as a whole, so that any thread may read it."""

    catalogue: Catalogue
    available: Mapping[str, Template]
    unavailable: Mapping[str, str]
    lacks_files: bool
    problems: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class LiveTemplates:
    """Implements `services.prepare.Templates`. Reading is safe from any thread.

    Until the engine has answered once, a template counts as available unless the engine must
    say what its choices are; such a one is offered as it was last time (`offered` None: not at
    all), and jobs that ask for it wait. What the engine said last holds while it is away.
    """

    def __init__(self, dirs: Sequence[Path], offered: Offered | None = None) -> None:
        self._dirs = (workflows_dir(), *dirs)
        self._offered = offered
        self._remembered: Descriptions = {}
        self._view = _View(Catalogue({}, {}), {}, {}, lacks_files=False)
        self._object_info: Mapping[str, Any] | None = None
        self._told = asyncio.Event()
        self._changing = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    async def load(self) -> None:
        """Read every folder; what is broken is logged and stops nothing else."""
        async with self._changing:
            if self._offered is not None and self._object_info is None:
                self._remembered = await asyncio.to_thread(self._offered.read)
            catalogue = await asyncio.to_thread(load_catalogue, self._dirs)
            if not _same(catalogue, self._view.catalogue):
                _log_findings(catalogue)
            await self._judge(catalogue)

    async def check(self, object_info: Mapping[str, Any]) -> None:
        """Compare every template with what the engine has now."""
        async with self._changing:
            self._object_info = object_info
            await self._judge(self._view.catalogue)
            self._told.set()
            if self._offered is not None:
                await asyncio.to_thread(self._offered.write, self._askers())

    async def settle(self, names: Iterable[str]) -> None:
        """Return once it is known whether these can run: the engine has answered once.

        Waits for ever where one of them needs the engine's word; cancelling is safe.
        """
        if any(self._view.unavailable.get(name) == _NOT_YET for name in names):
            await self._told.wait()

    async def watch(self, engine: ComfyEngine, ready: Callable[[], Any]) -> None:
        """Follow the files and the engine until cancelled; `ready` waits for the engine.

        The engine is asked at each connection, that is after each start, and while a model is
        missing every minute.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_files(), name="template files")
            group.create_task(self._follow_engine(engine, ready), name="template checks")

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` when what is available changed; returns the way to unsubscribe."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def catalogue(self) -> Catalogue:
        """What was read last."""
        return self._view.catalogue

    @property
    def available(self) -> Mapping[str, Template]:
        """Those that can run, by name."""
        return self._view.available

    @property
    def unavailable(self) -> Mapping[str, str]:
        """Those that cannot, by name, with the reason."""
        return self._view.unavailable

    @property
    def problems(self) -> Mapping[str, tuple[str, ...]]:
        """All that the engine lacks for those that cannot run, by name."""
        return self._view.problems

    def described(self) -> Sequence[Mapping[str, Any]]:
        """What `GET /api/workflows` lists, by name."""
        view = self._view
        found: dict[str, Mapping[str, Any]] = {
            name: template.describe() for name, template in view.available.items()
        }
        for name, template in view.catalogue.templates.items():
            if view.unavailable.get(name) == _NOT_YET:
                known = self._remembered.get(_key(template))
                if known is not None:
                    found[name] = known
        return [found[name] for name in sorted(found)]

    def standing(self) -> Sequence[Mapping[str, Any]]:
        """Every template by name, for the owner: those that cannot run with the reason.

        `title` is None where the template cannot be read, `reason` where it can run.
        """
        view = self._view
        sound = view.catalogue.templates
        return [
            {
                "name": name,
                "title": sound[name].title if name in sound else None,
                "available": name in view.available,
                "reason": view.unavailable.get(name),
            }
            for name in sorted(view.available.keys() | view.unavailable.keys())
        ]

    async def health(self) -> Check:
        """One line of health: broken templates are a warning, others may be meant to wait."""
        view = self._view
        message = f"{len(view.available)} workflows can run."
        reasons = [f"{name}: {why}" for name, why in sorted(view.unavailable.items())]
        if reasons:
            message = f"{message} Not {'; '.join(reasons)}"
        if view.catalogue.broken or view.catalogue.problems:
            return Check("workflows", "warning", message, "Run `jigdesk workflows check`.")
        return Check("workflows", "ok", message)

    def _askers(self) -> Descriptions:
        """Those whose choices are the engine's, as they are offered now."""
        available = self._view.available.values()
        return {_key(one): one.describe() for one in available if _asks_engine(one)}

    async def _judge(self, catalogue: Catalogue) -> None:
        object_info = self._object_info
        if object_info is None:
            waiting = [n for n, t in catalogue.templates.items() if _asks_engine(t)]
            available = {n: t for n, t in catalogue.templates.items() if n not in waiting}
            unavailable = dict.fromkeys(waiting, _NOT_YET)
            lacks_files, problems = False, {}
        else:
            verdicts = await asyncio.to_thread(_check_all, catalogue.templates, object_info)
            available = {n: v.template for n, v in verdicts.items() if not v.problems}
            unavailable = {n: v.reason for n, v in verdicts.items() if v.problems}
            lacks_files = any(verdict.missing_files for verdict in verdicts.values())
            problems = {
                name: tuple(problem.message for problem in verdict.problems)
                for name, verdict in verdicts.items()
                if verdict.problems
            }
        unavailable |= dict.fromkeys(catalogue.broken, _BROKEN)
        before = self._view
        self._view = _View(catalogue, available, unavailable, lacks_files, problems)
        for name, why in unavailable.items():
            if before.unavailable.get(name) != why and why != _NOT_YET:
                log.info("workflow %s is not available: %s", name, why)
        for name in available.keys() & before.unavailable.keys():
            log.info("workflow %s is available again", name)
        if (available, unavailable) != (before.available, before.unavailable):
            for listener in tuple(self._listeners):
                listener()

    async def _follow_files(self) -> None:
        changed = asyncio.Event()
        async with watching(self._dirs, changed.set):
            while True:
                await changed.wait()
                changed.clear()
                await self.load()

    async def _follow_engine(self, engine: ComfyEngine, ready: Callable[[], Any]) -> None:
        again = asyncio.Event()
        seen = 0

        def note(_: object) -> None:
            if engine.status.connected and engine.status.connections != seen:
                again.set()

        unsubscribe = engine.listen(note)
        try:
            while True:
                again.clear()
                await ready()
                seen = engine.status.connections
                try:
                    await self.check(await engine.object_info())
                except (EngineUnavailable, EngineError) as failure:
                    log.info("the templates could not be checked: %s", failure.message)
                    timeout_s: float | None = 1.0
                else:
                    is_sure = engine.connected and not self._view.lacks_files
                    timeout_s = None if is_sure else LOOK_AGAIN_S
                try:
                    async with asyncio.timeout(timeout_s):
                        await again.wait()
                except TimeoutError:
                    continue
        finally:
            unsubscribe()


def _check_all(
    templates: Mapping[str, Template], object_info: Mapping[str, Any]
) -> dict[str, LiveVerdict]:
    return {name: check_live(template, object_info) for name, template in templates.items()}


def _key(template: Template) -> str:
    return f"{template.name} {template.sha256}"


def _asks_engine(template: Template) -> bool:
    return any(spec.from_engine for spec in template.params.values())


def _same(one: Catalogue, other: Catalogue) -> bool:
    def digests(catalogue: Catalogue) -> tuple[object, ...]:
        return (
            {name: template.sha256 for name, template in catalogue.templates.items()},
            {name: error.message for name, error in catalogue.broken.items()},
            catalogue.problems,
        )

    return digests(one) == digests(other)


def _log_findings(catalogue: Catalogue) -> None:
    for error in catalogue.broken.values():
        log.error("%s", error.message)
    for problem in catalogue.problems:
        log.error("workflows: %s: %s", problem.file, problem.message)
    for template in catalogue.templates.values():
        for warning in template.warnings:
            log.warning(
                "workflow %s, %s %s: %s",
                template.name,
                warning.file,
                warning.field,
                warning.message,
            )
