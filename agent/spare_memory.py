"""Gives memory that the C library keeps for later back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give back each whole page that nothing lies in: some milliseconds in which no other thread gets memory."""
    with suppress(AttributeError):  # where the C library is another one
        ctypes.CDLL(None).malloc_trim(0)
