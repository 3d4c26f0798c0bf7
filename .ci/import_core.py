"""Imports every module of the core and the Lambdas, and proves that Qt stayed out."""

import importlib
import pkgutil
import sys

import jigdesk
import lambdas

QT = {"PySide6", "shiboken6", "qasync", "pyqtgraph"}


def main() -> None:
    """Import all; exit with a message when Qt can be imported after all."""
    count = 0
    for package in (jigdesk, lambdas):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
                count += 1
    loaded = QT.intersection(sys.modules)
    try:
        importlib.import_module("PySide6")
    except ImportError:
        print(f"{count} modules imported without Qt")  # noqa: T201
    else:
        loaded.add("PySide6")
    if loaded:
        sys.exit(f"Qt is importable here, so this proves nothing: {sorted(loaded)}")


main()
