"""Put first on PYTHONPATH: every Python then starts as if Qt were not installed."""

import sys

BLOCKED = frozenset({"PySide6", "shiboken6", "qasync", "pyqtgraph"})


class _NoQt:
    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Refuse the blocked packages; None leaves every other to the next finder."""
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"{name} is blocked: the core runs without Qt", name=name)


sys.meta_path.insert(0, _NoQt())  # type: ignore[arg-type]
