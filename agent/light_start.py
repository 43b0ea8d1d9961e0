"""What a box loads first: gevent and numpy without parts that nobody here needs, and all else without documentation.

Whoever imports one of those parts afterwards gets the whole of it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TypeVar

from agent.light_code import load_lightly
from hw.light_import import Later, standing_in

T = TypeVar("T")

# The documentation of what is written in C, linear algebra, and files of numbers.
NUMPY_LATER = ("numpy._core._add_newdocs", "numpy._core._add_newdocs_scalars", "numpy.linalg", "numpy.lib._npyio_impl")


class _Interface:
    """Stands in for an interface: gevent's describe its parts to readers."""


class _Attribute:
    """Stands in for an attribute of an interface."""

    def __init__(self, description: str) -> None:
        """Forget the description."""


def _implementer(*_interfaces: type) -> Callable[[T], T]:
    """Note of no class what it implements."""
    return lambda one: one


def _class_implements(_one: type, *_interfaces: type) -> None:
    """Note of no class what it implements."""


def start_lightly() -> None:
    """Load what every box needs; to be called before anything else loads it, else nothing is saved."""
    load_lightly()
    interfaces = ModuleType("zope.interface")
    interfaces.__dict__.update(Interface=_Interface, Attribute=_Attribute, implementer=_implementer,
                               classImplements=_class_implements)  # fmt: skip
    with standing_in(interfaces):
        importlib.import_module("gevent").get_hub()  # its loop is loaded when it is made
    with standing_in(*map(Later, NUMPY_LATER)):
        importlib.import_module("numpy")
