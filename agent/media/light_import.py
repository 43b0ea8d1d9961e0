"""Imports aiortc's DTLS without aiortc's codecs.

`import aiortc` loads PyAV and with it FFmpeg: 16 MB of memory and a quarter of a second on a PC, for codecs that this
program does not use; its DTLS needs of all that the name of one type, in an annotation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from hw.light_import import bare, standing_in


@contextmanager
def without_codecs() -> Iterator[None]:
    """Import aiortc's modules one by one in here, and PyAV not at all."""
    pyav = ModuleType("av")
    pyav.__dict__["AudioFrame"] = object
    with standing_in(bare("aiortc"), pyav):
        yield
