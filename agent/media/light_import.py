"""Imports aiortc's DTLS without aiortc's codecs, and pyOpenSSL without what later Pythons can do.

`import aiortc` loads PyAV and with it FFmpeg: 16 MB of memory and a quarter of a second on a PC, for codecs that this
program does not use; its DTLS needs of all that the name of one type, in an annotation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import TypeVar

from hw.light_import import bare, standing_in

T = TypeVar("T")


@contextmanager
def without_codecs() -> Iterator[None]:
    """Import aiortc's modules one by one in here, and PyAV not at all."""
    pyav = ModuleType("av")
    pyav.__dict__["AudioFrame"] = object
    with standing_in(bare("aiortc"), pyav):
        yield


@contextmanager
def without_extensions() -> Iterator[None]:
    """Import pyOpenSSL in here, and not the library of types from which it has a decorator that warns of a call."""
    extensions = ModuleType("typing_extensions")
    extensions.__dict__["deprecated"] = _deprecated
    with standing_in(extensions):
        yield


def _deprecated(*_why: object, **_how: object) -> Callable[[T], T]:
    return lambda one: one
