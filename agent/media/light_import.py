"""Imports aiortc's DTLS without aiortc's codecs.

`import aiortc` loads PyAV and with it FFmpeg: 16 MB of memory and a quarter of a second on a PC, for codecs that this
program does not use; its DTLS needs of all that the name of one type, in an annotation. So while that one module is
imported, the package stands empty and PyAV is a stand-in. Both are taken away again, and whoever imports aiortc or
PyAV afterwards gets the whole of them. If either is loaded already, nothing can be saved and nothing is done.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without_codecs() -> Iterator[None]:
    """Import aiortc's modules one by one in here, and PyAV not at all."""
    if "aiortc" in sys.modules or "av" in sys.modules:
        yield
        return
    package, pyav = ModuleType("aiortc"), ModuleType("av")
    found = importlib.util.find_spec("aiortc")
    assert found is not None, "aiortc is not installed: install this program's requirements"
    package.__path__ = list(found.submodule_search_locations or ())
    pyav.__dict__["AudioFrame"] = object
    sys.modules.update(aiortc=package, av=pyav)
    try:
        yield
    finally:
        del sys.modules["aiortc"], sys.modules["av"]
