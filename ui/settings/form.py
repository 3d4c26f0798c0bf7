"""The settings as the owner changes them: what is saved, what is not yet, and what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

from PySide6.QtCore import QObject, QTimer, Signal

from jigdesk.app import Core
from jigdesk.app.trial import Part, try_part
from jigdesk.domain.check import Check
from jigdesk.domain.errors import JigDeskError
from jigdesk.logs import secrets_of
from jigdesk.settings import Problem, SettingsError
from jigdesk.settings.draft import (
    Draft,
    KeyringAnswers,
    Origin,
    Source,
    Stand,
    Survey,
    changed_keys,
    default_text,
    save,
    survey,
)
from jigdesk.settings.fields import SettingField, fields
from ui.bridge import Bridge

CHECK_MS = 250
Hide = Callable[[Iterable[str]], None]


class Form(QObject):
    """What is typed, checked a moment later by the rules that the desk starts with.

    Reads and writes go over the bridge into a thread of the core; nothing here blocks. Signals:
    `loaded` when what is saved was read anew; `edited(str)` with each key whose draft changed;
    `checked` when `problems` are those of the draft; `saved(int)` with how many keys were
    written; `refused` when a save found problems; `failed(str)` when it could not be written.
    """

    loaded = Signal()
    edited = Signal(str)
    checked = Signal()
    saved = Signal(int)
    refused = Signal()
    failed = Signal(str)

    def __init__(
        self, bridge: Bridge, origin: Origin, hide: Hide, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._origin = origin
        self._hide = hide
        self._keyring = KeyringAnswers()
        self._survey: Survey | None = None
        self._keyring_works = False
        self._values: dict[str, str] = {}
        self._secrets: dict[str, str | None] = {}
        self._to_keyring: set[str] = set()
        self._problems: tuple[Problem, ...] = ()
        self._waiting: tuple[str, ...] = ()
        self._checking = False
        self._stale = False
        self._saving = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(CHECK_MS)
        self._timer.timeout.connect(self._check)
        bridge.closing.connect(self._timer.stop)

    # --- what there is -----------------------------------------------------------------------

    @property
    def survey(self) -> Survey | None:
        """How things stand on the disk; None before the first reading."""
        return self._survey

    @property
    def keyring_works(self) -> bool:
        """Whether secrets can be kept in the OS keyring."""
        return self._keyring_works

    @property
    def problems(self) -> Mapping[str, Problem]:
        """The first problem of each key."""
        found: dict[str, Problem] = {}
        for problem in self._problems:
            found.setdefault(problem.key, problem)
        return found

    @property
    def waiting(self) -> Sequence[str]:
        """Keys that are saved otherwise than the running core has them."""
        return self._waiting

    @property
    def changes(self) -> frozenset[str]:
        """The keys that would be written."""
        return frozenset(self._values) | frozenset(self._secrets)

    @property
    def is_saving(self) -> bool:
        """Whether a save is under way."""
        return self._saving

    def stand(self, entry: SettingField) -> Stand:
        """How a key stands on the disk."""
        if self._survey is None:
            return Stand(Source.DEFAULT, default_text(entry, hosted=False))
        return self._survey.stands[entry.key]

    def text(self, entry: SettingField) -> str:
        """What the form shows of a key: the draft's, else what is saved, else the default."""
        stand = self.stand(entry)
        wanted = self._values.get(entry.key)
        if wanted is None and stand.source is not Source.DEFAULT:
            return stand.text
        return wanted or self.default(entry)

    def default(self, entry: SettingField) -> str:
        """The default with the store that the draft chooses."""
        kind = fields()["store.kind"]
        hosted = entry.hosted_default is not None and self.text(kind) == "s3"
        return default_text(entry, hosted=hosted)

    def is_default(self, entry: SettingField) -> bool:
        """Whether a save would leave a key out of config.toml."""
        wanted = self._values.get(entry.key)
        return self.stand(entry).source is Source.DEFAULT if wanted is None else not wanted

    def new_secret(self, key: str) -> str | None:
        """The secret that was typed; None for none, and for one that is to be removed."""
        return self._secrets.get(key)

    def is_removed(self, key: str) -> bool:
        """Whether a save takes this secret away."""
        return key in self._secrets and self._secrets[key] is None

    # --- what is done to it ------------------------------------------------------------------

    def set_text(self, entry: SettingField, text: str) -> None:
        """What the owner typed; empty and the default itself leave the key out."""
        stand = self.stand(entry)
        text = text.strip()
        saved = stand.text if stand.source is Source.CONFIG else ""
        wanted = "" if text == self.default(entry) else text
        if saved in (text, wanted):
            self._values.pop(entry.key, None)
        else:
            self._values[entry.key] = wanted
        self._changed(entry.key)

    def reset(self, entry: SettingField) -> None:
        """Back to the default."""
        if self.stand(entry).source is Source.CONFIG:
            self._values[entry.key] = ""
        else:
            self._values.pop(entry.key, None)
        self._changed(entry.key)

    def set_secret(self, key: str, secret: str, *, to_keyring: bool = False) -> None:
        """A new secret; an empty one leaves what is kept."""
        if secret.strip():
            self._secrets[key] = secret.strip()
        else:
            self._secrets.pop(key, None)
        (self._to_keyring.add if to_keyring else self._to_keyring.discard)(key)
        self._changed(key)

    def remove_secret(self, key: str) -> None:
        """Take a secret away with the next save."""
        self._secrets[key] = None
        self._changed(key)

    def undo(self, key: str) -> None:
        """Forget what was changed of one key."""
        self._values.pop(key, None)
        self._secrets.pop(key, None)
        self._changed(key)

    def discard(self) -> None:
        """Forget every change."""
        keys = self.changes
        self._values.clear()
        self._secrets.clear()
        for key in keys:
            self._changed(key)
        self.loaded.emit()

    def _changed(self, key: str) -> None:
        self.edited.emit(key)
        self._stale = True
        self._timer.start()

    def _draft(self) -> Draft:
        return Draft(dict(self._values), dict(self._secrets), frozenset(self._to_keyring))

    # --- over the bridge ---------------------------------------------------------------------

    def load(self) -> None:
        """Read what is saved; the draft stays."""
        origin, keyring = self._origin, self._keyring

        async def read(core: Core) -> tuple[Survey, bool, tuple[str, ...]]:
            found = await asyncio.to_thread(survey, origin, None, keyring)
            works = await asyncio.to_thread(keyring.works)
            return found, works, _waiting(core, found)

        self._bridge.call(read, self._loaded, self._could_not)

    def save(self) -> None:
        """Check the whole draft and write it; nothing is written when anything is wrong."""
        if self._saving:
            return
        self._saving = True
        draft, origin, keyring = self._draft(), self._origin, self._keyring

        async def write(core: Core) -> tuple[Survey, bool, tuple[str, ...]]:
            found = await asyncio.to_thread(save, origin, draft, keyring)
            if found.settings is not None:
                self._hide(secrets_of(found.settings))
            return found, self._keyring_works, _waiting(core, found)

        def written(result: tuple[Survey, bool, tuple[str, ...]]) -> None:
            self._saving = False
            # what was typed meanwhile is not saved yet
            for key, text in draft.values.items():
                if self._values.get(key) == text:
                    del self._values[key]
            for key, secret in draft.secrets.items():
                if key in self._secrets and self._secrets[key] == secret:
                    del self._secrets[key]
            self._loaded(result)
            self.saved.emit(len(draft.values) + len(draft.secrets))

        def refused(failure: JigDeskError) -> None:
            self._saving = False
            if isinstance(failure, SettingsError):
                self._problems = failure.problems
                self.checked.emit()
                self.refused.emit()
            else:
                self.failed.emit(failure.message)

        self._bridge.call(write, written, refused)

    def try_part(self, part: Part, then: Callable[[Sequence[Check]], None]) -> None:
        """Check a part with what the form shows; `then` gets the answers, problems as one too."""
        draft, origin, keyring = self._draft(), self._origin, self._keyring

        async def work(core: Core) -> Sequence[Check]:
            found = await asyncio.to_thread(survey, origin, draft, keyring)
            if found.settings is None:
                keys = ", ".join(dict.fromkeys(problem.key for problem in found.problems))
                wrong = "These values cannot be tried: some of them are not allowed."
                return (Check(part.value, "error", wrong, f"First change {keys}."),)
            self._hide(secrets_of(found.settings))
            return await try_part(core, part, found.settings)

        def failed(failure: JigDeskError) -> None:
            then((Check(part.value, "error", failure.message, "Try again."),))

        self._bridge.call(work, then, failed)

    def _check(self) -> None:
        if self._checking:
            return  # looked at again when it ends
        self._checking, self._stale = True, False
        draft, origin, keyring = self._draft(), self._origin, self._keyring

        async def look(_: Core) -> tuple[Problem, ...]:
            return (await asyncio.to_thread(survey, origin, draft, keyring)).problems

        self._bridge.call(look, self._looked, self._could_not)

    def _looked(self, problems: tuple[Problem, ...]) -> None:
        self._checking = False
        self._problems = problems
        self.checked.emit()
        if self._stale and not self._timer.isActive():
            self._timer.start()

    def _loaded(self, result: tuple[Survey, bool, tuple[str, ...]]) -> None:
        self._survey, self._keyring_works, self._waiting = result
        self._problems = self._survey.problems if not self.changes else self._problems
        self.loaded.emit()
        if self.changes:
            self._check()
        else:
            self.checked.emit()

    def _could_not(self, failure: JigDeskError) -> None:
        self._checking = False
        self.failed.emit(failure.message)


def _waiting(core: Core, found: Survey) -> tuple[str, ...]:
    return () if found.settings is None else changed_keys(core.settings, found.settings)
