"""Imports a library without those of its parts that nobody here needs.

While it is imported, something stands in for them; afterwards that is taken away, and whoever imports them then gets
the whole of them. If one of them is loaded already, nothing can be saved and nothing is done.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def standing_in(*stand_ins: ModuleType) -> Iterator[None]:
    """Import in here with these modules in the place of those that have their names."""
    if any(one.__name__ in sys.modules for one in stand_ins):
        yield
        return
    sys.modules.update({one.__name__: one for one in stand_ins})
    try:
        yield
    finally:
        for one in stand_ins:
            del sys.modules[one.__name__]


def bare(package: str) -> ModuleType:
    """Make a package that has the modules of the installed one, and loads none of them by itself."""
    found = importlib.util.find_spec(package)
    assert found is not None, f"{package} is not installed: install this program's requirements"
    empty = ModuleType(package)
    empty.__path__ = list(found.submodule_search_locations or ())
    return empty


class Later(ModuleType):
    """Stands in for a module that is loaded when one of its functions or classes is called.

    It has every name that it is asked for, or only those that it is told.
    """

    def __init__(self, module: str, *names: str) -> None:
        super().__init__(module)
        self.__all__: list[str] = []
        self._only = frozenset(names)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or (self._only and name not in self._only):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

        def call(*args: Any, **named: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*args, **named)

        return call


def later_metadata() -> ModuleType:
    """Make what stands in for `importlib.metadata`: it loads zip archives and mail for what few ask."""
    return Later("importlib.metadata", "entry_points", "version")
