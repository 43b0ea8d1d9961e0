"""Loads code without the documentation of its functions: 2 MB that a box would hold for nobody.

What classes and modules say of themselves stays, because some of it is shown, and so do assertions, which `python -OO`
would drop as well.
"""

from __future__ import annotations

import sys
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from opcode import hasconst
from types import CodeType

_FUNCTION = 0x3  # CO_OPTIMIZED | CO_NEWLOCALS
_HAS_DOCUMENT = 0x4000000  # CO_HAS_DOCSTRING: before Python 3.14 there is none, and a first string is one
_USES_FIRST = tuple(bytes((operation, 0)) for operation in hasconst)


class LightLoader(SourceFileLoader):
    """Loads source as Python does, but for the documentation."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the code of the module."""
        code = super().get_code(fullname)
        return None if code is None else without_documentation(code)


def load_lightly() -> None:
    """Let all that is imported from files from now on have no documentation; idempotent."""
    if any(getattr(hook, "is_light", False) for hook in sys.path_hooks):
        return
    hook = FileFinder.path_hook(
        (ExtensionFileLoader, EXTENSION_SUFFIXES),
        (LightLoader, SOURCE_SUFFIXES),
        (SourcelessFileLoader, BYTECODE_SUFFIXES),
    )
    hook.__dict__["is_light"] = True
    sys.path_hooks.insert(0, hook)
    sys.path_importer_cache.clear()


def without_documentation(code: CodeType) -> CodeType:
    """Make the same code, in which no function is documented."""
    constants = tuple(without_documentation(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    if _is_documented(code):
        constants = (None, *constants[1:])
    if all(new is old for new, old in zip(constants, code.co_consts, strict=True)):
        return code
    return code.replace(co_consts=constants)


def _is_documented(code: CodeType) -> bool:
    """Tell whether the first constant is documentation, and nothing else: equal strings of a function are one."""
    if code.co_flags & _FUNCTION != _FUNCTION or not code.co_consts or not isinstance(code.co_consts[0], str):
        return False
    if sys.version_info >= (3, 14) and not code.co_flags & _HAS_DOCUMENT:
        return False
    instructions = code.co_code
    return not any(use in instructions for use in _USES_FIRST)
